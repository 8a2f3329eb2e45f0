"""Content types of training channels and of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sagemaker_container import media
from sagemaker_container.errors import UserError

Format = Literal["csv", "libsvm"]
RequestFormat = Literal["csv", "libsvm", "json", "jsonlines"]

CSV = ("csv", "text/csv")
LIBSVM = ("libsvm", "text/libsvm", "text/x-libsvm")
# Requests only, and only here: AWS's images answer 415.
JSON: Mapping[str, RequestFormat] = {"application/json": "json", "application/jsonlines": "jsonlines"}
NOT_BUILT = ("parquet", "application/x-parquet", "recordio-protobuf", "application/x-recordio-protobuf")
# In the order in which the service lists them.
ACCEPTED = (
    "csv",
    "libsvm",
    "parquet",
    "recordio-protobuf",
    "text/csv",
    "text/libsvm",
    "text/x-libsvm",
    "application/x-parquet",
    "application/x-recordio-protobuf",
)


def data_format(content_type: str | None) -> Format:
    """The format a channel's content type stands for; none at all means libsvm. Raises `UserError`."""
    return _format(content_type, ACCEPTED)


def request_format(content_type: str | None) -> RequestFormat:
    """The format a request's content type stands for; none at all means libsvm. Raises `UserError`."""
    name, _ = media.parse(content_type or "")
    return JSON[name] if name in JSON else _format(content_type, (*ACCEPTED, *JSON))


def _format(content_type: str | None, accepted: Sequence[str]) -> Format:
    if not content_type:
        return "libsvm"
    name, parameters = media.parse(content_type)
    if name in CSV:
        if parameters.get("label_size", "1") != "1":
            raise UserError(
                f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
            )
        return "csv"
    if name in LIBSVM:
        return "libsvm"
    if name in NOT_BUILT:
        raise UserError(
            f"Content type {content_type} is a SageMaker XGBoost input, but this emulator's XGBoost image does not "
            "read it yet. Use text/csv or text/libsvm."
        )
    raise UserError(f"{content_type} is not an accepted ContentType: {', '.join(accepted)}.")
