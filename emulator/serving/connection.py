"""The HTTP/1.1 client that speaks to model containers: asyncio streams of bytes, httptools, kept-alive connections.

Written for the hot path of InvokeEndpoint, where a general client costs as much as everything else together. A reply
is delivered as it comes; nothing of its body is gathered that was not asked for.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import httptools

Address = tuple[str, int]
Headers = list[tuple[bytes, bytes]]

HEAD_LIMIT = 64 << 10
"""Bytes of status line and headers a container may send."""
_HIGH_WATER = 256 << 10
"""Bytes of body that wait for their reader before the container is told to wait."""
_IDLE_CONNECTIONS = 64
_IDLE_SECONDS = 1.5
"""A kept connection is given up below the shortest keep-alive that servers usually have (gunicorn 2 s, uvicorn and
Node.js 5 s), so that a request hardly ever meets a closing one. A new one on this machine costs next to nothing."""
_REPEATABLE = frozenset({"GET", "HEAD"})


class ContainerUnreachable(OSError):
    """No reply: nothing listens, the connection broke before the reply began, or what came is not HTTP."""


class NotConnected(ContainerUnreachable):
    """Nothing listens at the address, which the message names: it is for the log, not for clients."""


class ReplyBroken(OSError):
    """The reply began, and ended before it was complete."""


class ReplyTooLarge(ReplyBroken):
    """The body is longer than asked for."""


class _Gone(ContainerUnreachable):
    """A connection kept from before was closed by the container after the request was sent and before a byte of reply
    came. Whether the container has acted on the request is not known."""


class Response:
    """A reply. ``headers`` are as sent, in order; the body comes from `read` or by iterating, once.

    Closing it early gives up the connection; a body that was read to its end leaves it for the next request.
    """

    def __init__(self, status: int, headers: Headers, connection: _Connection, pool: Connections) -> None:
        self.status = status
        self.headers = headers
        self._connection: _Connection | None = connection  # None once it may serve somebody else
        self._pool = pool
        if connection.complete and not connection.waiting:
            self.close()

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body. Raises `ReplyBroken` or TimeoutError; `ReplyTooLarge` above ``limit`` bytes, whose rest is
        left unread."""
        chunks, size = [], 0
        while self._connection is not None:
            chunks.append(await self._next())
            size += len(chunks[-1])
            if limit is not None and size > limit:
                self.close()
                raise ReplyTooLarge(f"its body is larger than {limit} bytes")
        return b"".join(chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def _next(self) -> bytes:
        assert self._connection is not None
        chunk = await self._connection.chunk()
        if self._connection.complete and not self._connection.waiting:
            self.close()
        return chunk

    def close(self) -> None:
        """Let go of the connection, and of what has not been read."""
        if self._connection is not None:
            self._pool.give_back(self._connection)
        self._connection = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Connections:
    """Kept-alive connections by address. For one event loop."""

    def __init__(self) -> None:
        self._idle: dict[Address, deque[_Connection]] = {}

    async def request(
        self,
        address: Address,
        method: str,
        path: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        timeout: float,  # noqa: ASYNC109 - one deadline for the whole exchange, body included
    ) -> Response:
        """Send a request and return when the reply's head is there.

        ``timeout`` is in seconds, from now to the end of the body; TimeoutError is raised here or while reading.
        A kept connection that the container closed while it was idle is replaced by a new one. Where it closes only
        once the request is sent, a GET is sent again, once; a POST is not, since a model may not be asked twice.
        Raises `ContainerUnreachable`.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        message = _serialized(address, method, path, headers, body)
        connection = self._take(address)
        if connection is not None:
            try:
                return await self._exchange(connection, method, message, deadline)
            except _Gone:
                if method not in _REPEATABLE:
                    raise
        connection = await _connect(address, deadline)
        return await self._exchange(connection, method, message, deadline)

    def give_back(self, connection: _Connection) -> None:
        """Keep a connection when its reply is complete and it can be used again, else close it."""
        idle = self._idle.setdefault(connection.address, deque())
        if connection.reusable and len(idle) < _IDLE_CONNECTIONS:
            connection.idle_since = asyncio.get_running_loop().time()
            idle.append(connection)
        else:
            connection.abort()

    def forget(self, address: Address) -> None:
        """Close what is kept for a container that ends."""
        for connection in self._idle.pop(address, ()):
            connection.abort()

    def close(self) -> None:
        """Close everything that is kept."""
        for address in list(self._idle):
            self.forget(address)

    def _take(self, address: Address) -> _Connection | None:
        idle = self._idle.get(address)
        if not idle:
            return None
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while idle and idle[0].idle_since < oldest:  # in the order they were given back
            idle.popleft().abort()
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.quiet:
                return connection
            connection.abort()
        return None

    async def _exchange(self, connection: _Connection, method: str, message: bytes, deadline: float) -> Response:
        try:
            status, headers = await connection.exchange(message, method == "HEAD", deadline)
        except BaseException:
            connection.abort()
            raise
        return Response(status, headers, connection, self)


async def _connect(address: Address, deadline: float) -> _Connection:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline):
            _, connection = await loop.create_connection(lambda: _Connection(address, loop), *address)
    except TimeoutError:
        raise
    except OSError as error:
        raise NotConnected(f"cannot connect to {address[0]}:{address[1]}: {error}") from error
    return connection


def _serialized(
    address: Address, method: str, path: str, headers: Mapping[str, str] | Iterable[tuple[str, str]], body: bytes
) -> bytes:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}:{address[1]}"]
    lines += [f"{name}: {value}" for name, value in pairs]
    if body or method not in _REPEATABLE:
        lines.append(f"content-length: {len(body)}")
    head = "\r\n".join(lines)
    if head.count("\r") + head.count("\n") != 2 * (len(lines) - 1):
        raise ValueError("a header or path with a line break")
    return f"{head}\r\n\r\n".encode("latin-1") + body


class _Connection(asyncio.Protocol):
    """One connection and the one reply that is on its way. httptools calls the ``on_`` methods."""

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self._loop = loop
        self._transport: Any = None
        self._used = False
        self._lost = False
        self.idle_since = 0.0
        self._begin(False)

    def _begin(self, bodiless: bool) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = bodiless
        self._headers: Headers = []
        self._head_size = 0
        self._received = False
        self._headed = False
        self.complete = False
        self._error: Exception | None = None
        self._chunks: deque[bytes] = deque()
        self.waiting = 0
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._keep = False

    @property
    def reusable(self) -> bool:
        """Whether the next request can go over this connection."""
        reading = self.waiting <= _HIGH_WATER  # else it was told to wait and would not be heard again
        return self._keep and self.complete and reading and not self._lost and not self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """Whether nothing lies unread in the socket of an idle connection, the container's closing least of all.

        The event loop may not have looked there yet, and a request that is sent over a connection already closed
        cannot be told from one that the container has read. Costs one system call, about a microsecond.
        """
        return not self._incoming.poll(0)

    async def exchange(self, message: bytes, bodiless: bool, deadline: float) -> tuple[int, Headers]:
        """Send and wait for the reply's head."""
        again, self._used = self._used, True
        self._begin(bodiless)
        self._deadline = deadline
        self._transport.write(message)
        try:
            while not self._headed:
                await self._news()
        except ContainerUnreachable as error:
            raise (_Gone if again and not self._received else ContainerUnreachable)(str(error)) from error
        return self._parser.get_status_code(), self._headers

    async def chunk(self) -> bytes:
        """The next piece of the body, or nothing at its end."""
        while not self._chunks and not self.complete:
            await self._news()
        if not self._chunks:
            return b""
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        if self.waiting > _HIGH_WATER and not self._lost:
            self._transport.resume_reading()
        self.waiting = 0
        return chunk

    def abort(self) -> None:
        """Close at once."""
        self._keep = False
        if self._transport is not None:
            self._transport.abort()

    async def _news(self) -> None:
        """Wait until something came in, or raise why nothing will."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        timer = self._loop.call_at(self._deadline, self._expire)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _expire(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError("the container did not answer in time"))
            self.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        if self._error is None and not self.complete:
            self._error = (ReplyBroken if self._headed else ContainerUnreachable)(reason)
        self.abort()
        self._wake()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._incoming = select.poll()
        self._incoming.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self.complete:  # bytes after the end of a reply: nobody asked for them
            self.abort()
            return
        self._received = True
        self._head_size += 0 if self._headed else len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the container wants another protocol")
        except httptools.HttpParserError as error:
            self._fail(f"the container's reply is not HTTP: {error}")
        if not self._headed and self._head_size > HEAD_LIMIT:
            self._fail(f"the container's headers are larger than {HEAD_LIMIT} bytes")
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        if self._headed and not self.complete and error is None and self._ends_with_connection():
            self.complete = True
        self._fail(f"the container closed the connection{f': {error}' if error else ''}")

    def _ends_with_connection(self) -> bool:
        """Whether the reply has neither length nor chunks, so that its end is the connection's."""
        names = {name.lower() for name, _ in self._headers}
        return b"content-length" not in names and b"transfer-encoding" not in names

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # trailers of a chunked reply come here as well
            self._headers.append((name, value))

    def on_message_begin(self) -> None:
        self._keep = self._keep and not self.complete  # a second reply to one request: not to be trusted again

    def on_headers_complete(self) -> None:
        if self._headed:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._headers = []  # an interim reply; the real one follows
            return
        self._headed = True
        self._keep = self._parser.should_keep_alive()
        if self._bodiless:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        if self.complete:
            return
        self._chunks.append(data)
        before, self.waiting = self.waiting, self.waiting + len(data)
        if before <= _HIGH_WATER < self.waiting:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._headed:
            self.complete = True
