"""Which requests go to the asyncio data plane; all others cross the bridge."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from emulator.front.hosts import bucket_of_host

AsgiApp = Callable[[MutableMapping[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]
DataPlane = AsgiApp

_INVOCATIONS = re.compile(rb"/endpoints/[^/]+/invocations")


def routed(data_plane: DataPlane, others: AsgiApp) -> AsgiApp:
    """The front's ASGI application."""

    async def app(scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await (data_plane if is_invocation(scope) else others)(scope, receive, send)

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
