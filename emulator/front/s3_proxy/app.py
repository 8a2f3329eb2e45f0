"""The WSGI application that passes requests on; bodies stream both ways."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError, ConnectionClosedError

from emulator.cloud.refusal import NOT_BUILT, refuse, status_line
from emulator.front.s3_proxy.answer import Answer
from emulator.front.s3_proxy.body import Sent
from emulator.front.s3_proxy.request import is_signed, request_of
from emulator.objects.server import S3Server, S3ServerError
from emulator.objects.wire_error import WireError

_LOOP = "The server that --s3-endpoint-url names sends requests back to this emulator. Start it with another URL."
_FORM = (
    "Upload forms are signed inside their body and cannot be signed anew for the server that --s3-endpoint-url names. "
    "Upload with a presigned URL."
)

StartResponse = Callable[..., Any]
Verify = Callable[[Mapping[str, Any]], None]
"""Raises `WireError` for a request (its environ) whose presigned URL is not good any more, or never was."""


def _any_url(_environ: Mapping[str, Any]) -> None:
    """Take every presigned URL."""


class S3Proxy:
    """Sends requests for S3, in path style, to ``server``, over up to ``connections`` connections at a time.

    ``verify`` looks at presigned URLs first: the server sees only the signature that is made here.
    """

    def __init__(self, server: S3Server, connections: int, verify: Verify = _any_url) -> None:
        self._server = server
        self._verify = verify
        self._transport = server.transport(connections)
        self._name = f"sagemaker-emulator-{uuid.uuid4().hex[:12]}"

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        refused = self._refusal(environ)
        if refused is not None:
            return _refuse(environ, start_response, *refused)
        try:
            answer = self._answer(environ)
        except WireError as error:
            return _refuse(environ, start_response, error.status, error.code, error.message)
        except S3ServerError as error:
            return _refuse(environ, start_response, 503, "ServiceUnavailable", str(error))
        except BotoCoreError as error:
            return _refuse(environ, start_response, 503, "ServiceUnavailable", self._server.unreachable(error))
        start_response(answer.status, answer.headers)
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        self._transport.close()

    def _refusal(self, environ: dict[str, Any]) -> tuple[int, str, str] | None:
        """Status, code and message for what cannot be passed on."""
        if self._name in environ.get("HTTP_VIA", ""):
            return 400, "InvalidRequest", _LOOP
        form = environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        if form and environ["REQUEST_METHOD"] == "POST" and not is_signed(environ):
            return 501, NOT_BUILT, _FORM
        return None

    def _answer(self, environ: dict[str, Any]) -> Answer:
        self._verify(environ)
        request = request_of(environ, self._server, self._name)
        try:
            return Answer(self._send(request).raw)
        except BotoCoreError:
            # botocore takes whatever ends the sending for a fault of the connection.
            sent: Any = request.body
            if isinstance(sent, Sent) and sent.failure is not None:
                raise sent.failure from None
            raise

    def _send(self, request: AWSPreparedRequest) -> Any:
        """Send once; twice where a kept connection turns out to be closed and there is no body that is half gone."""
        try:
            return self._transport.send(request)
        except ConnectionClosedError:
            if request.body is not None:
                raise
            return self._transport.send(request)


def _refuse(
    environ: dict[str, Any], start_response: StartResponse, status: int, code: str, message: str
) -> Iterable[bytes]:
    found, headers, body = refuse(environ, "s3", status, code, message)
    start_response(status_line(found), headers)
    return [body] if isinstance(body, bytes) else body
