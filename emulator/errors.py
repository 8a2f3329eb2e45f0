"""Errors that reach a client, in AWS's own vocabulary.

A handler raises one of these; only the wire (``emulator.aws``) turns it into bytes. Foreign exceptions are
translated at the border of the port that met them and never travel further.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AwsError(Exception):
    """An error reply: ``code`` and ``message`` as a client sees them, ``status`` the HTTP status.

    ``fields`` are further members of a modelled error shape, such as ``OriginalStatusCode`` of ModelError.
    """

    code = "InternalFailure"
    status = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.fields: Mapping[str, Any] = fields or {}


class ValidationException(AwsError):
    """The request is well-formed but not acceptable; SageMaker also answers this for most unknown names."""

    code = "ValidationException"
    status = 400


class ValidationError(AwsError):
    """The runtime's spelling of a validation failure (SageMaker Runtime, not the control plane)."""

    code = "ValidationError"
    status = 400


class SerializationException(AwsError):
    """The body cannot be read as the operation's input at all."""

    code = "SerializationException"
    status = 400


class Throttled(AwsError):
    """Too many calls; clients wait and try again."""

    code = "ThrottlingException"
    status = 400


class UnknownOperation(AwsError):
    """No such operation in the service model."""

    code = "UnknownOperationException"
    status = 400


class NotBuilt(AwsError):
    """The operation exists at AWS and is not built here; clients do not retry a 501."""

    code = "NotImplemented"
    status = 501


class ResourceInUse(AwsError):
    code = "ResourceInUse"
    status = 400


class ResourceNotFound(AwsError):
    code = "ResourceNotFound"
    status = 400


class ResourceLimitExceeded(AwsError):
    code = "ResourceLimitExceeded"
    status = 400


class ServiceUnavailable(AwsError):
    code = "ServiceUnavailable"
    status = 503


class ModelError(AwsError):
    """The model container answered with an error, or not at all."""

    code = "ModelError"
    status = 424
