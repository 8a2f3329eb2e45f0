"""Checks that the service model cannot state: roles that exist, S3 inputs that hold something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.arns import Scope, parse_role
from emulator.errors import NotBuilt, ValidationException
from emulator.objects.port import ObjectError
from emulator.optml.s3uri import S3Uri, parse
from emulator.sagemaker.platform import Platform

Document = Mapping[str, Any]
Unbuilt = tuple[str, Callable[[Document], bool]]
"""What a request asks for, in words, and how to see that it does."""


def require_role(platform: Platform, arn: str) -> None:
    """Refuse a role that SageMaker may not assume.

    Unless ``--strict-iam`` is set, a role that looks right but does not exist is made on first use, and a role
    whose policy names no principal is let through: test suites create roles with placeholder policies.
    """
    role = parse_role(arn)
    trust = platform.roles.state(arn) if role is not None else "unknown"
    if trust == "ok":
        return
    if role is None or platform.settings.strict_iam:
        raise ValidationException(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )
    if trust == "unknown":
        platform.roles.create_for(arn)


def require_s3_uri(uri: str, where: str) -> S3Uri:
    """The parts of an S3 URI; ``where`` names the member for the message."""
    found = parse(uri)
    if found is None:
        raise ValidationException(
            f"1 validation error detected: Value '{uri}' at '{where}' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: (https|s3)://([^/]+)/?(.*)"
        )
    return found


def require_objects(platform: Platform, scope: Scope, uri: str, role: str, where: str) -> None:
    """Refuse an S3 input under which there is nothing, in the words CreateTrainingJob uses."""
    location = require_s3_uri(uri, where)
    error = ""
    try:
        if next(iter(platform.objects.list(location.bucket, location.key, account=scope.account)), None) is not None:
            return
    except ObjectError as failure:
        error = f" Error message from S3: {failure}"
    raise ValidationException(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists '
        f"in the selected region ({scope.region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{location.bucket}".{error}'
    )


def refuse_unbuilt(operation: str, request: Document, table: tuple[Unbuilt, ...]) -> None:
    """Answer 501 for what AWS accepts and the emulator cannot do yet, rather than pretend."""
    asked = [words for words, is_asked in table if is_asked(request)]
    if asked:
        raise NotBuilt(f"{operation} with {', '.join(asked)} is not built in this version of the emulator.")
