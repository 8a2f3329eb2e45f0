"""The bridge from asyncio to WSGI: Flask and moto answer on worker threads, bodies stream both ways.

Why not a library: docs/decisions/0002-wsgi-bridge.md. A request whose body is small costs one hop to a thread and one
back; larger bodies are pulled from the connection as the application reads them, and a large answer waits for the
client, so the bridge holds little of either.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from emulator.front.environ import environ_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Message], Any]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

THREADS = 32
"""More than the ten connections a boto3 transfer opens, so that a few uploads do not starve the control plane."""
_EAGER_BODY = 64 << 10
_PULLED = 256 << 10
"""Bytes of a large body that are collected on the loop for each hop to the worker: the server hands out 64 KiB at a
time, and with a hop for each the loop would have no time for anything else."""
_EAGER_REPLY = 256 << 10
_PATIENCE = 120.0
"""Seconds a worker waits for a client that neither sends nor goes away."""

_log = logging.getLogger(__name__)


class ClientGone(ConnectionError):
    """The client left, or stopped sending, before the request was complete."""


class Bridge:
    """An ASGI application (HTTP only) around a WSGI one."""

    def __init__(self, app: WsgiApp, threads: int = THREADS) -> None:
        self._app = app
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="front")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        head, more = bytearray(), True
        while more and len(head) <= _EAGER_BODY:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            head += message.get("body", b"")
            more = message.get("more_body", False)
        body = _Stream(bytes(head), receive, loop) if more else io.BytesIO(head)
        environ = environ_of(scope, body, None if more else len(head))
        reply = _Reply(send, None if more else receive, loop)
        start, rest = await loop.run_in_executor(self._pool, self._answer, environ, reply)
        if start is not None:
            await send(start)
            await send({"type": "http.response.body", "body": rest})

    def close(self) -> None:
        """Let the workers end; what they are doing is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, environ: dict[str, Any], reply: _Reply) -> Any:
        """Run the application on this worker: the whole reply when it is small, else it has been sent from here."""
        start: Message = {"type": "http.response.start"}

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            start["status"] = int(status[:3])
            start["headers"] = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

        try:
            chunks = self._app(environ, start_response)
            try:
                pieces = iter(chunks)
                head, more = _gather(pieces)
                if not more:
                    _add_length(start, head, environ["REQUEST_METHOD"])
                    return start, head
                reply.stream(start, itertools.chain([head], pieces))
            finally:
                getattr(chunks, "close", lambda: None)()
        except (ClientGone, CancelledError):
            pass  # nobody is left to answer
        except Exception:  # noqa: BLE001 - the worker serves the next request whatever happened in this one
            _log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["RAW_URI"])
            return (None if reply.started else _FAILED), b""  # what has begun can only be cut short
        return None, b""


_FAILED: Message = {"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"0")]}


class _Stream(io.RawIOBase):
    """The rest of a large request body, pulled from the connection as it is read."""

    def __init__(self, head: bytes, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._ready = memoryview(head)
        self._more = True
        self._receive = receive
        self._loop = loop

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """As inherited, but what has come is handed on as it is, without a buffer of ``size`` bytes for it."""
        if size < 0:
            return self.readall()
        while not self._ready and self._more:
            self._pull()
        block, self._ready = self._ready[:size], self._ready[size:]
        return bytes(block)

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._more:
            self._pull()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def readall(self) -> bytes:
        """As inherited, but not in pieces of eight kilobytes."""
        parts = [self._ready]
        while self._more:
            self._pull()
            parts.append(self._ready)
        self._ready = memoryview(b"")
        return b"".join(parts)

    def _pull(self) -> None:
        self._ready = memoryview(_wait(self._collect(), self._loop))

    async def _collect(self) -> bytes:
        """The next bytes of the body, on the loop."""
        parts, size = [], 0
        while self._more and size < _PULLED:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone("the client went away in the middle of its request")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            self._more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _add_length(start: Message, body: bytes, method: str) -> None:
    """Give a whole reply its length, if the application has not; without one it would be sent in chunks."""
    has_length = any(name.lower() == b"content-length" for name, _ in start["headers"])
    if not has_length and method != "HEAD" and start["status"] not in (204, 304):
        start["headers"].append((b"content-length", b"%d" % len(body)))


def _gather(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The beginning of the reply's body, and whether there may be more."""
    held, size = [], 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > _EAGER_REPLY:
            return b"".join(held), True
    return b"".join(held), False


class _Reply:
    """A large reply, sent piece by piece; each piece waits until the client has taken most of the one before.

    uvicorn's ``send`` does not tell that the client is gone, only ``receive`` does, which can be asked once the
    request's body is through (``receive`` is None when it is not).
    """

    def __init__(self, send: Send, receive: Receive | None, loop: asyncio.AbstractEventLoop) -> None:
        self._send = send
        self._receive = receive
        self._loop = loop
        self._gone: asyncio.Future[Any] | None = None
        self.started = False

    def stream(self, start: Message, pieces: Iterable[bytes]) -> None:
        """Send a whole reply. Raises `ClientGone`."""
        self.started = True
        _wait(self._begin(start), self._loop)
        for piece in pieces:
            _wait(self._piece(piece), self._loop)
        _wait(self._send({"type": "http.response.body", "body": b""}), self._loop)

    async def _begin(self, start: Message) -> None:
        if self._receive is not None:
            self._gone = asyncio.ensure_future(self._receive())
        await self._send(start)

    async def _piece(self, piece: bytes) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._gone is not None and self._gone.done():
            raise ClientGone("the client went away in the middle of the reply")


def _wait(awaitable: Any, loop: asyncio.AbstractEventLoop) -> Any:
    future = asyncio.run_coroutine_threadsafe(awaitable, loop)
    try:
        return future.result(_PATIENCE)
    except TimeoutError as error:
        future.cancel()
        raise ClientGone("the client did not go on in time") from error
