"""Between WSGI and the services of `emulator.aws`: requests read whole, replies sent whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from emulator.aws import WireReply, WireRequest
from emulator.errors import AwsError
from emulator.objects.draining import drain

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

BODY_LIMIT = 4 << 20
"""Bytes of a control plane request. A design choice: AWS does not publish SageMaker's limit; the longest documents
(pipeline definitions, 1 MiB of JSON escaped once more) stay below."""


def read(environ: dict[str, Any]) -> bytes | None:
    """The request's body, or None when it is larger than the limit.

    What is too large is read all the same, within reason: a client that cannot send its body to the end sees a
    broken connection in place of the reply that tells it why.
    """
    source = environ["wsgi.input"]
    body: bytes = source.read(BODY_LIMIT)
    while part := source.read(BODY_LIMIT + 1 - len(body)):
        body += part
        if len(body) > BODY_LIMIT:
            drain(source)
            return None
    return body


def too_large() -> AwsError:
    """The error for a body that `read` did not give."""
    return AwsError(f"The request body is larger than {BODY_LIMIT} bytes.", code="RequestEntityTooLarge", status=413)


def request_of(environ: dict[str, Any], body: bytes) -> WireRequest:
    """The request as a service takes it."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    path = environ["RAW_URI"].partition("?")[0]
    return WireRequest(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], headers, body)


def send(reply: WireReply, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with ``reply``."""
    headers = [*reply.headers.items(), ("Content-Length", str(len(reply.body)))]
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
    return [reply.body]
