"""The HTTP shell of a serving container: /ping, /invocations and /execution-parameters.

An algorithm gives a `Service`; its methods are called on worker threads, several at a time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from sagemaker_container.cpu import usable_cpus
from sagemaker_container.ending import leave

MEBIBYTE = 1024 * 1024
LARGEST_PAYLOAD = 20 * MEBIBYTE
"""SageMaker's XGBoost images never accept more, whatever MAX_CONTENT_LENGTH says."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """An invocation. ``content_type`` and ``accept`` are header values, None when absent."""

    body: bytes
    content_type: str | None
    accept: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"


class Service(Protocol):
    """What an algorithm implements. Methods may run in any thread and at the same time."""

    def ping(self) -> Reply: ...

    def invoke(self, request: Request) -> Reply: ...


def payload_limit() -> int:
    """The largest accepted body in bytes: MAX_CONTENT_LENGTH, by default 6 MiB."""
    return min(int(os.environ.get("MAX_CONTENT_LENGTH", 6 * MEBIBYTE)), LARGEST_PAYLOAD)


def execution_parameters() -> Mapping[str, object]:
    """What batch transform asks a container before it sends work."""
    return {
        "MaxConcurrentTransforms": usable_cpus(),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": payload_limit() // MEBIBYTE,
    }


class PayloadTooLarge(Exception):
    """The body is larger than `payload_limit`."""


class Application:
    """The ASGI application around a `Service`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limit = payload_limit()
        # Prediction holds the interpreter only part of the time; more threads than that only queue inside.
        self._threads = ThreadPoolExecutor(max_workers=2 * usable_cpus() + 2, thread_name_prefix="invoke")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        reply = await self._answer(scope["method"], scope["path"], headers, receive)
        await _send(reply, send)

    async def _answer(self, method: str, path: str, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        match method, path:
            case "POST", "/invocations":
                return await self._invocation(headers, receive)
            case "GET", "/ping":
                return await self._in_thread(self._service.ping)
            case "GET", "/execution-parameters":
                return Reply(200, json.dumps(execution_parameters()).encode(), "application/json")
            case _, "/invocations" | "/ping" | "/execution-parameters":
                return Reply(405, b"Method Not Allowed")
        return Reply(404, b"Not Found")

    async def _invocation(self, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        try:
            body = await self._body(receive)
        except PayloadTooLarge:
            return Reply(413, b"Request Entity Too Large")
        request = Request(body, _text(headers, b"content-type"), _text(headers, b"accept"))
        return await self._in_thread(lambda: self._service.invoke(request))

    async def _body(self, receive: Receive) -> bytes:
        """The whole body. One that is too large is read to its end, unstored: a client that still sends would
        see a broken connection instead of the 413."""
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= self._limit:
                chunks.append(chunk)
            more = message.get("more_body", False)
        if size > self._limit:
            raise PayloadTooLarge
        return b"".join(chunks)

    async def _in_thread(self, work: Callable[[], Reply]) -> Reply:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as error:  # one request's failure must not end the server
            log.exception("request failed")
            return Reply(500, str(error).encode())


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


async def _send(reply: Reply, send: Send) -> None:
    headers = [(b"content-length", str(len(reply.body)).encode()), (b"content-type", reply.content_type.encode())]
    if reply.status == 204:
        headers = []
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def serve(service: Service) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end and leave with exit code 0.

    Listens on ``SAGEMAKER_BIND_TO_PORT`` (default 8080). The address is loopback unless
    ``SAGEMAKER_BIND_TO_HOST`` says otherwise, as it does in the images: the process engine runs this on the
    user's own machine, where nothing should be open to the network.
    """
    # uvicorn takes the signals while it runs and raises them again at its end: that, too, must end in exit code 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_in_peace)
    import uvicorn

    uvicorn.run(
        Application(service),
        host=os.environ.get("SAGEMAKER_BIND_TO_HOST", "127.0.0.1"),
        port=int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")),
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
        server_header=False,
        date_header=False,
    )


def _leave_in_peace(_number: int, _frame: FrameType | None) -> None:
    leave(0)
