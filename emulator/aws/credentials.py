"""Who signed a request and for where, as claimed by its SigV4 (or SigV2) parameters.

Nothing is verified here: the claim only routes the request, and any key will do. Presigned URLs and forms of
S3 are verified where they are answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote


@dataclass(frozen=True, slots=True)
class Credential:
    """A claimed credential. ``region`` and ``service`` are empty where the signature version does not carry them."""

    access_key: str
    region: str = ""
    service: str = ""


def credential(headers: Mapping[str, str], query: str) -> Credential | None:
    """The credential of the ``authorization`` header (lower-case names) or of a presigned ``query``, else None."""
    authorization = headers.get("authorization")
    if authorization:
        return _of_header(authorization)
    return _of_query(query) if query else None


def _of_header(authorization: str) -> Credential | None:
    _, found, rest = authorization.partition("Credential=")
    if found:
        return _of_scope(unquote(rest.partition(",")[0].strip()))
    scheme, _, rest = authorization.partition(" ")
    access_key, colon, _ = rest.partition(":")
    return Credential(access_key) if scheme == "AWS" and colon and access_key else None


def _of_query(query: str) -> Credential | None:
    if "X-Amz-Credential" not in query and "AWSAccessKeyId" not in query:
        return None
    fields = parse_qs(query)
    if "X-Amz-Credential" in fields:
        return _of_scope(fields["X-Amz-Credential"][0])
    keys = fields.get("AWSAccessKeyId")
    return Credential(keys[0]) if keys else None


def _of_scope(text: str) -> Credential | None:
    """``<access key>/<date>/<region>/<service>/aws4_request``; SigV4a (any region) has no region part."""
    match text.split("/"):
        case [key, _, region, service, "aws4_request"] if key:
            return Credential(key, region, service)
        case [key, _, service, "aws4_request"] if key:
            return Credential(key, service=service)
    return None
