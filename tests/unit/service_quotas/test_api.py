"""Service Quotas over the wire, with boto3: SageMaker's here, those of others with moto."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import Emulator
from emulator.service_quotas.catalogue import code
from emulator.settings import Settings

LARGE = "ml.m5.large for training job usage"
GPU = "ml.p3.2xlarge for training job usage"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    chosen = Settings(port=0, ephemeral=True, engine="process", quotas=f"{GPU}=0,{LARGE}=2")
    with Emulator(chosen) as running:
        yield running


@pytest.fixture
def quotas(emulator: Emulator) -> Any:
    emulator.reset()
    return emulator.client("service-quotas")


def refusal(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**members)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def every(quotas: Any, operation: str, member: str, **members: Any) -> list[dict[str, Any]]:
    pages = quotas.get_paginator(operation).paginate(**members)
    return [each for page in pages for each in page[member]]


def raise_to(quotas: Any, name: str, value: float) -> dict[str, Any]:
    answer: dict[str, Any] = quotas.request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode=code(name), DesiredValue=value
    )
    return answer["RequestedQuota"]  # type: ignore[no-any-return]


def test_sagemaker_is_a_service_that_has_quotas(quotas: Any) -> None:
    services = {each["ServiceCode"]: each["ServiceName"] for each in quotas.list_services()["Services"]}
    assert services["sagemaker"] == "Amazon SageMaker"
    assert "vpc" in services


def test_every_quota_is_listed_once_in_pages(quotas: Any) -> None:
    listed = every(quotas, "list_service_quotas", "Quotas", ServiceCode="sagemaker", PaginationConfig={"PageSize": 70})
    codes = [each["QuotaCode"] for each in listed]
    assert len(set(codes)) == len(codes) > 600
    assert all(re.fullmatch("L-[0-9A-F]{8}", each) for each in codes)
    by_name = {each["QuotaName"]: each for each in listed}
    assert (by_name[GPU]["Value"], by_name[LARGE]["Value"]) == (0, 2)
    assert by_name["ml.m5.large for spot training job usage"]["Value"] == 2147483647


def test_one_quota_is_read_as_it_is_listed(quotas: Any) -> None:
    (listed,) = quotas.list_service_quotas(ServiceCode="sagemaker", QuotaCode=code(LARGE))["Quotas"]
    assert quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode=code(LARGE))["Quota"] == listed
    assert listed == {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:123456789012:sagemaker/{code(LARGE)}",
        "QuotaCode": code(LARGE),
        "QuotaName": LARGE,
        "Value": 2.0,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def test_an_increase_is_granted_at_once_and_leaves_the_default(quotas: Any) -> None:
    asked = raise_to(quotas, LARGE, 7)
    assert (asked["Status"], asked["DesiredValue"], asked["QuotaName"]) == ("APPROVED", 7, LARGE)
    members = {"ServiceCode": "sagemaker", "QuotaCode": code(LARGE)}
    assert quotas.get_service_quota(**members)["Quota"]["Value"] == 7
    assert quotas.list_service_quotas(**members)["Quotas"][0]["Value"] == 7
    assert quotas.get_aws_default_service_quota(**members)["Quota"]["Value"] == 2
    defaults = every(quotas, "list_aws_default_service_quotas", "Quotas", ServiceCode="sagemaker")
    assert {each["QuotaName"]: each["Value"] for each in defaults}[LARGE] == 2
    assert quotas.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"] == asked


def test_what_was_requested_is_listed_by_service_quota_and_status(quotas: Any) -> None:
    asked = [raise_to(quotas, LARGE, 3), raise_to(quotas, GPU, 1), raise_to(quotas, LARGE, 4)]
    history = "list_requested_service_quota_change_history"
    assert every(quotas, history, "RequestedQuotas") == asked
    assert every(quotas, history, "RequestedQuotas", ServiceCode="sagemaker", Status="APPROVED") == asked
    assert every(quotas, history, "RequestedQuotas", Status="DENIED") == []
    of_one = {"ServiceCode": "sagemaker", "QuotaCode": code(LARGE), "PaginationConfig": {"PageSize": 1}}
    assert every(quotas, f"{history}_by_quota", "RequestedQuotas", **of_one) == [asked[0], asked[2]]


def test_a_value_that_is_not_above_the_present_one_is_refused(quotas: Any) -> None:
    members = {"ServiceCode": "sagemaker", "QuotaCode": code(LARGE)}
    found, message = refusal(quotas.request_service_quota_increase, **members, DesiredValue=2)
    assert found == "IllegalArgumentException"
    assert "2 must be greater than the current quota value 2" in message
    assert quotas.list_requested_service_quota_change_history()["RequestedQuotas"] == []


def test_what_does_not_exist_is_no_such_resource(quotas: Any) -> None:
    unknown = {"ServiceCode": "sagemaker", "QuotaCode": "L-00000000"}
    for call in (
        quotas.get_service_quota,
        quotas.get_aws_default_service_quota,
        quotas.list_requested_service_quota_change_history_by_quota,
    ):
        assert refusal(call, **unknown)[0] == "NoSuchResourceException"
    assert refusal(quotas.get_requested_service_quota_change, RequestId="nobodys")[0] == "NoSuchResourceException"


def test_a_token_of_nobody_is_refused(quotas: Any) -> None:
    for token in ("Zm9v", "LTE="):
        found, _ = refusal(quotas.list_service_quotas, ServiceCode="sagemaker", NextToken=token)
        assert found == "InvalidPaginationTokenException"


def test_accounts_and_regions_have_quotas_of_their_own(quotas: Any, emulator: Emulator) -> None:
    raise_to(quotas, LARGE, 9)
    members = {"ServiceCode": "sagemaker", "QuotaCode": code(LARGE)}
    other = emulator.client("service-quotas", region_name="eu-west-1")
    assert other.get_service_quota(**members)["Quota"]["Value"] == 2
    assert other.list_requested_service_quota_change_history()["RequestedQuotas"] == []


def test_quotas_of_other_services_are_those_of_moto(quotas: Any) -> None:
    defaults = quotas.list_aws_default_service_quotas(ServiceCode="vpc")["Quotas"]
    assert defaults
    assert {each["ServiceCode"] for each in defaults} == {"vpc"}
    assert refusal(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-1")[0] == "NoSuchResourceException"


def test_what_is_not_built_says_so(quotas: Any) -> None:
    assert refusal(quotas.associate_service_quota_template)[0] == "NotImplemented"
