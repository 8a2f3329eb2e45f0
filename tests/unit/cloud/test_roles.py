"""Execution roles: who may assume them."""

from __future__ import annotations

import json

import pytest

from emulator.cloud import Cloud
from emulator.cloud.roles import trusts
from tests.mounted import ACCOUNT, Mounted

SEEDED = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole"


def policy(**statement: object) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **statement}]}
    )


def test_seeded_role_may_be_assumed_by_sagemaker_and_nobody_else(cloud: Cloud) -> None:
    assert cloud.roles.state(SEEDED) == "ok"
    assert cloud.roles.state(SEEDED, "lambda.amazonaws.com") == "refuses"


def test_role_nobody_made_is_unknown(cloud: Cloud) -> None:
    assert cloud.roles.state(f"arn:aws:iam::{ACCOUNT}:role/nobody") == "unknown"
    assert cloud.roles.state("not an arn") == "unknown"


def test_role_for_another_service_refuses(aws: Mounted) -> None:
    document = policy(Principal={"Service": "ec2.amazonaws.com"})
    arn = aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assert aws.cloud.roles.state(arn) == "refuses"


def test_role_made_for_an_arn_has_its_name_and_path_and_trust(aws: Mounted) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/team/ml/Trainer"
    aws.cloud.roles.create_for(arn)
    aws.cloud.roles.create_for(arn)
    role = aws.client("iam").get_role(RoleName="Trainer")["Role"]
    assert (role["Arn"], role["Path"]) == (arn, "/team/ml/")
    assert aws.cloud.roles.state(arn) == "ok"


def test_role_of_another_account_is_made_in_that_account(aws: Mounted) -> None:
    arn = "arn:aws:iam::999988887777:role/Theirs"
    aws.cloud.roles.create_for(arn)
    assert aws.cloud.roles.state(arn) == "ok"
    assert "Theirs" not in {role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]}


def test_making_a_role_for_what_is_no_role_is_an_error(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="no role ARN"):
        cloud.roles.create_for("arn:aws:iam::1:user/x")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (policy(Principal={"Service": "sagemaker.amazonaws.com"}), True),
        (policy(Principal={"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]}), True),
        (policy(Principal="*"), True),
        (policy(Principal={"Service": "sagemaker.amazonaws.com"}, Action=["sts:TagSession", "sts:AssumeRole"]), True),
        (policy(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:TagSession"), False),
        (policy(Principal={"Service": "sagemaker.amazonaws.com"}, Effect="Deny"), False),
        (policy(Principal={"AWS": "*"}), False),
        ("not json", False),
        (None, False),
    ],
)
def test_trust_policy_is_read_as_iam_writes_it(document: str | None, expected: bool) -> None:
    assert trusts(document, "sagemaker.amazonaws.com") is expected


def test_deny_wins_over_allow() -> None:
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    assert not trusts(json.dumps({"Statement": [allow, {**allow, "Effect": "Deny"}]}), "sagemaker.amazonaws.com")
