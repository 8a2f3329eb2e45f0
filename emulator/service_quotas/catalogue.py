"""SageMaker's quotas as Service Quotas shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from emulator import arns
from emulator.arns import Scope
from emulator.errors import AwsError
from emulator.sagemaker.quotas import Increase, names

SAGEMAKER = "sagemaker"

SERVICES: Mapping[str, str] = {SAGEMAKER: "Amazon SageMaker", "vpc": "Amazon Virtual Private Cloud (Amazon VPC)"}
"""Whose quotas can be asked for, by code: ours, and the one that moto has."""

_Document = dict[str, Any]


def code(name: str) -> str:
    """The code of a quota: ``L-`` and eight hexadecimal digits, the form of AWS's.

    AWS's own codes for SageMaker are not known here. These are made from the name, so they are always the same.
    """
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def arn(scope: Scope, quota_code: str) -> str:
    """The ARN of one of SageMaker's quotas."""
    return arns.service_quota(scope, SAGEMAKER, quota_code)


class Catalogue:
    """The quotas by code, read from the model when first asked for."""

    @cached_property
    def codes(self) -> dict[str, str]:
        """Each code and the name of its quota."""
        return {code(name): name for name in names()}

    def name(self, quota_code: str) -> str:
        """The quota of that code. Raises NoSuchResourceException."""
        found = self.codes.get(quota_code)
        if found is None:  # the sentence is unverified
            raise AwsError("The request failed because the specified quota does not exist.", code=NO_SUCH, status=400)
        return found


NO_SUCH = "NoSuchResourceException"


def described(scope: Scope, name: str, value: float) -> _Document:
    """A quota as List and Get show it."""
    return {**_identity(scope, name), "Value": value, "Adjustable": True, "QuotaAppliedAtLevel": "ACCOUNT"}


def requested(scope: Scope, increase: Increase) -> _Document:
    """An increase as the requests of an account are shown. All are granted at once."""
    return {
        **_identity(scope, increase.name),
        "Id": increase.id,
        "DesiredValue": increase.value,
        "Status": "APPROVED",
        "Created": increase.at,
        "LastUpdated": increase.at,
        "QuotaRequestedAtLevel": "ACCOUNT",
    }


def _identity(scope: Scope, name: str) -> _Document:
    quota_code = code(name)
    return {
        "ServiceCode": SAGEMAKER,
        "ServiceName": SERVICES[SAGEMAKER],
        "QuotaArn": arn(scope, quota_code),
        "QuotaCode": quota_code,
        "QuotaName": name,
        "Unit": "None",
        "GlobalQuota": False,
    }
