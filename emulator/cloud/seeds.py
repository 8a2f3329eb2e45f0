"""What a fresh account already has: the execution role, and the bucket that SageMaker's SDKs expect."""

from __future__ import annotations

import json
from collections.abc import Callable

from moto.iam.models import IAMBackend, Role, iam_backends

from emulator.arns import partition

ROLE_PATH = "/service-role/"
ROLE_NAME = "AmazonSageMaker-ExecutionRole"


def trust_policy(service: str = "sagemaker.amazonaws.com") -> str:
    """The policy document that lets ``service`` assume a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_role(backend: IAMBackend, path: str, name: str) -> Role:
    """A role that SageMaker may assume."""
    return backend.create_role(
        role_name=name,
        assume_role_policy_document=trust_policy(),
        path=path,
        permissions_boundary=None,
        description="Made by the SageMaker emulator.",
        tags=[],
        max_session_duration="3600",
    )


def default_bucket(account: str, region: str) -> str:
    """The bucket the SDKs use when told nothing."""
    return f"sagemaker-{region}-{account}"


def sow(account: str, region: str, make_bucket: Callable[[str, str, str], object]) -> None:
    """Make the role and the default bucket of the emulator's own region.

    The bucket: with ``default_bucket_prefix`` the SDKs list it before they would create it, and fail when it is not
    there (S3's NoSuchBucket is not the code they wait for).
    """
    make_role(iam_backends[account][partition(region)], ROLE_PATH, ROLE_NAME)
    make_bucket(default_bucket(account, region), account, region)
