"""ARNs of SageMaker and IAM resources, and the scope (account, region) they live in."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROLE = re.compile(r"arn:(?P<partition>aws[a-z\-]*):iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[^/]+)")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose resources a request speaks about. Nothing is shared between two scopes."""

    account: str
    region: str


def partition(region: str) -> str:
    """The ARN partition of ``region`` (``aws``, ``aws-cn`` or ``aws-us-gov``)."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def sagemaker(scope: Scope, noun: str, name: str) -> str:
    """``arn:aws:sagemaker:<region>:<account>:<noun>/<name>``; AWS lower-cases the name inside the ARN."""
    return f"arn:{partition(scope.region)}:sagemaker:{scope.region}:{scope.account}:{noun}/{name.lower()}"


def is_within(arn: str, scope: Scope) -> bool:
    """Whether a SageMaker ARN names something in ``scope``."""
    return arn.split(":")[3:5] == [scope.region, scope.account]


def log_group(scope: Scope, group: str) -> str:
    """The ARN of a CloudWatch log group."""
    return f"arn:{partition(scope.region)}:logs:{scope.region}:{scope.account}:log-group:{group}"


def service_quota(scope: Scope, service: str, code: str) -> str:
    """The ARN of a quota in Service Quotas."""
    return f"arn:{partition(scope.region)}:servicequotas:{scope.region}:{scope.account}:{service}/{code}"


def role(account: str, path_and_name: str) -> str:
    """``arn:aws:iam::<account>:role/<path/name>``."""
    return f"arn:aws:iam::{account}:role/{path_and_name}"


@dataclass(frozen=True, slots=True)
class Role:
    """The parts of a role ARN."""

    account: str
    name: str
    path: str


def parse_role(arn: str) -> Role | None:
    """The account, name and path of a role ARN, or None when ``arn`` is no role ARN."""
    match = _ROLE.fullmatch(arn)
    if match is None:
        return None
    resource = arn.split(":role/", 1)[1]
    path = "/" + resource[: -len(match["name"])]
    return Role(match["account"], match["name"], path)
