"""Which requests go to the asyncio data plane; all others cross the bridge."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from emulator.front.hosts import bucket_of_host
from emulator.front.origins import FOREIGN_PAGE, is_foreign_page, refusal

AsgiApp = Callable[[MutableMapping[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]
DataPlane = AsgiApp

_INVOCATIONS = re.compile(rb"/endpoints/[^/]+/invocations")


def routed(data_plane: DataPlane, others: AsgiApp) -> AsgiApp:
    """The front's ASGI application."""

    async def app(scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if not is_invocation(scope):
            await others(scope, receive, send)
        elif _is_of_foreign_page(scope):
            await _refuse(send)
        else:
            await data_plane(scope, receive, send)

    return app


def is_invocation(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request is InvokeEndpoint, and not an S3 object whose key looks like it.

    A signature says which; an unsigned request (``curl``) is one only when nothing about it speaks of S3.
    """
    if scope["method"] != "POST" or not _INVOCATIONS.fullmatch(scope["raw_path"]):
        return False
    headers = dict(scope["headers"])
    authorization = headers.get(b"authorization")
    if authorization is not None and authorization.startswith(b"AWS"):
        return b"/sagemaker/aws4_request" in authorization
    query: bytes = scope["query_string"]
    if b"X-Amz-Credential" in query:
        return b"%2Fsagemaker%2Faws4_request" in query or b"/sagemaker/aws4_request" in query
    return not query and bucket_of_host(headers.get(b"host", b"").decode("latin-1")) is None


def _is_of_foreign_page(scope: MutableMapping[str, Any]) -> bool:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if b"origin" not in headers and b"sec-fetch-site" not in headers:
        return False  # no browser
    origin, site, host = (headers.get(name) for name in (b"origin", b"sec-fetch-site", b"host"))
    return is_foreign_page(_text(origin), _text(site), _text(host) or "")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


async def _refuse(send: Callable[..., Any]) -> None:
    body = refusal(FOREIGN_PAGE)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
