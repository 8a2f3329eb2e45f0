"""Errors in a service's own terms: the code, status and members that its model gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.aws.constraints import summary
from emulator.aws.model import Model
from emulator.errors import AwsError


@dataclass(frozen=True, slots=True)
class Fault:
    """An error reply before it is spelled in a protocol. ``shape`` is the modelled error shape, if there is one."""

    code: str
    status: int
    shape: str | None
    members: dict[str, Any]


def fault(model: Model, error: AwsError) -> Fault:
    """``error`` as ``model`` knows it. A modelled shape decides the status, the spelling of ``Message`` and the fields.

    An unmodelled error has a lower-case ``message`` and nothing else; botocore reads either spelling.
    """
    shape = model.exception(error.code)
    if shape is None:
        return Fault(error.code, error.status, None, {"message": error.message})
    traits = shape.get("error", {})
    members = dict(error.fields)
    for name in shape["members"]:
        if name.lower() == "message" and error.message:
            members[name] = error.message
    code = traits.get("code", error.code)
    return Fault(code, traits.get("httpStatusCode", error.status), error.code, members)


def refuse(model: Model, problems: Sequence[str]) -> None:
    """Raise the service's validation error for ``problems``, if there are any.

    Services spell the code differently: the runtimes model ``ValidationError``, the control plane models neither
    and answers ``ValidationException``.
    """
    if problems:
        code = "ValidationError" if model.exception("ValidationError") else "ValidationException"
        raise AwsError(summary(problems), code=code, status=400)
