"""A refusal that the caller's own client can read, whatever protocol it speaks.

The request itself shows the protocol, so no service model is needed: a botocore client that asks for something that
is not built gets an ordinary ``ClientError``, and does not retry it, for services moto has never heard of as well.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape

NOT_BUILT = "NotImplemented"

_REST_XML = ("s3", "s3express", "s3-outposts", "cloudfront", "route53")
"""The services of AWS whose protocol is rest-xml (botocore's models, by signing name)."""

Reply = tuple[int, list[tuple[str, str]], bytes | Iterable[bytes]]
"""Status, headers and body; a body that is not bytes is closed when it has been sent."""


def refuse(
    environ: Mapping[str, Any],
    service: str,
    status: int,
    code: str,
    message: str,
    *,
    elements: Mapping[str, str] | None = None,
) -> Reply:
    """Status, headers and body of an error ``code`` in the protocol of the request in ``environ``.

    ``elements`` are more members of the error, where the protocol is S3's.
    """
    request_id = str(uuid.uuid4())
    content_type = environ.get("CONTENT_TYPE", "")
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        kind, body = "application/cbor", _cbor_map({"__type": code, "message": message})
    elif environ.get("HTTP_X_AMZ_TARGET") or content_type.startswith("application/x-amz-json"):
        kind, body = content_type or "application/x-amz-json-1.1", _json({"__type": code, "message": message})
    elif service in _REST_XML:
        kind, body = "application/xml", _error_xml("", code, message, request_id, elements or {})
    elif service == "ec2":
        kind, body = "text/xml", _error_xml("Response", code, message, request_id)
    elif content_type.startswith("application/x-www-form-urlencoded"):
        kind, body = "text/xml", _error_xml("ErrorResponse", code, message, request_id)
    else:
        kind, body = "application/json", _json({"message": message})
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", request_id)]
    headers += [("x-amzn-ErrorType", code), ("x-amz-request-id", request_id)]
    if kind == "application/cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    if environ.get("REQUEST_METHOD") == "HEAD":
        body = b""
    return status, headers, body


def status_line(status: int) -> str:
    """``501 Not Implemented``, as WSGI wants it."""
    return f"{status} {HTTPStatus(status).phrase}"


def _json(members: Mapping[str, str]) -> bytes:
    return json.dumps(members).encode()


def _error_xml(
    wrapper: str, code: str, message: str, request_id: str, elements: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    error += "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
    if not wrapper:  # S3's form; botocore reads it for the other rest-xml services as well
        text = f"{error}<RequestId>{request_id}</RequestId></Error>"
    elif wrapper == "Response":
        text = f"<Response><Errors>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        text = f"<ErrorResponse>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()


def _cbor_map(members: Mapping[str, str]) -> bytes:
    """CBOR of a small map of texts (RFC 8949: major type 5 of pairs of major type 3)."""
    texts = [text.encode() for pair in members.items() for text in pair]
    return bytes([0xA0 + len(members)]) + b"".join(b"\x79" + len(text).to_bytes(2, "big") + text for text in texts)
