"""A load generator: clients that each send one request after the other over a connection of their own.

asyncio and httptools, and nothing between them: the client must cost little beside the servers it shares the
machine with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httptools

from benchmarks.figure import percentile

_GRACE = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients saw: milliseconds at the median and at the 99th percentile, and answers per second."""

    p50: float
    p99: float
    throughput: float


def request(host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def run(address: tuple[str, int], message: bytes, clients: int, seconds: float) -> Load:
    """Send ``message`` from ``clients`` at once for that long. Raises RuntimeError unless every answer is 200."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(address, message, clients, seconds))


async def _run(address: tuple[str, int], message: bytes, clients: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    ends = [loop.create_future() for _ in range(clients)]
    latencies: list[float] = []
    for end in ends:
        await loop.create_connection(_factory(message, began + seconds, latencies, end), *address)
    async with asyncio.timeout(seconds + _GRACE):
        await asyncio.gather(*ends)
    took = time.perf_counter() - began
    milliseconds = [latency * 1e3 for latency in latencies]
    return Load(percentile(milliseconds, 0.5), percentile(milliseconds, 0.99), len(latencies) / took)


def _factory(
    message: bytes, until: float, latencies: list[float], end: asyncio.Future[None]
) -> Callable[[], asyncio.Protocol]:
    return lambda: _Client(message, until, latencies, end)


class _Client(asyncio.Protocol):
    """One connection; httptools calls the ``on_`` methods."""

    def __init__(self, message: bytes, until: float, latencies: list[float], end: asyncio.Future[None]) -> None:
        self._message = message
        self._until = until
        self._latencies = latencies
        self._end = end
        self._transport: Any = None
        self._parser: Any = None
        self._sent = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._end.done():
            self._end.set_exception(RuntimeError(f"the server closed the connection: {error}"))

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        if self._parser.get_status_code() != 200:
            self._finish(RuntimeError(f"an answer was {self._parser.get_status_code()}"))
        elif now >= self._until:
            self._finish(None)
        else:
            self._send()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._sent = time.perf_counter()
        self._transport.write(self._message)

    def _finish(self, error: Exception | None) -> None:
        if not self._end.done():
            self._end.set_result(None) if error is None else self._end.set_exception(error)
        self._transport.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
