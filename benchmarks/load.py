"""A load generator: clients that each send one request after the other over a connection of their own.

asyncio and httptools, and nothing between them: the client must cost little beside the servers it shares the
machine with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import httptools

from benchmarks.figure import percentile

_GRACE = 60.0
_PATIENCE = 600.0
"""Seconds before what is sent once is taken for stuck."""


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
    return run_each(address, [[message]] * clients, seconds)


def run_each(address: tuple[str, int], messages: Sequence[Sequence[bytes]], seconds: float) -> Load:
    """As `run`, one client for each of ``messages``, which it sends in turn, again and again."""
    until = time.perf_counter() + seconds
    return _generate(address, [_lasting(own, until) for own in messages], seconds + _GRACE)


def send_all(address: tuple[str, int], messages: Sequence[Sequence[bytes]]) -> Load:
    """As `run_each`, but each message once."""
    return _generate(address, messages, _PATIENCE)


def _lasting(messages: Sequence[bytes], until: float) -> Iterator[bytes]:
    for message in cycle(messages):
        yield message
        if time.perf_counter() >= until:
            return


def _generate(address: tuple[str, int], messages: Sequence[Iterable[bytes]], patience: float) -> Load:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(address, messages, patience))


async def _run(address: tuple[str, int], messages: Sequence[Iterable[bytes]], patience: float) -> Load:
    began = time.perf_counter()
    jobs = [_Job(address, iter(own)) for own in messages]
    async with asyncio.timeout(patience):
        await asyncio.gather(*(job.connect() for job in jobs))
        await asyncio.gather(*(job.end for job in jobs))
    took = time.perf_counter() - began
    milliseconds = [latency * 1e3 for job in jobs for latency in job.latencies]
    return Load(percentile(milliseconds, 0.5), percentile(milliseconds, 0.99), len(milliseconds) / took)


class _Job:
    """What one client has to send, and the seconds that each answer took."""

    def __init__(self, address: tuple[str, int], messages: Iterator[bytes]) -> None:
        self.messages = messages
        self.latencies: list[float] = []
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._address = address
        self._connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Open a connection and send over it. An answer's time begins here, where a connection has to be made."""
        began = time.perf_counter()
        await asyncio.get_running_loop().create_connection(lambda: _Connection(self, began), *self._address)

    def reconnect(self) -> None:
        """Go on over another connection."""
        self._connecting = asyncio.create_task(self.connect())
        self._connecting.add_done_callback(self._connected)

    def finish(self, error: Exception | None) -> None:
        """The first end counts."""
        if not self.end.done():
            self.end.set_result(None) if error is None else self.end.set_exception(error)

    def _connected(self, connecting: asyncio.Task[None]) -> None:
        if (error := connecting.exception()) is not None:
            self.finish(RuntimeError(f"no connection could be made: {error}"))


class _Connection(asyncio.Protocol):
    """One connection, kept as long as the server keeps it: moto_server closes it after each answer.

    httptools calls the ``on_`` methods.
    """

    def __init__(self, job: _Job, began: float) -> None:
        self._job = job
        self._sent = began
        self._open = True
        self._transport: Any = None
        self._parser: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._open:
            self._job.finish(RuntimeError(f"the server closed the connection: {error}"))

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._job.latencies.append(now - self._sent)
        if self._parser.get_status_code() != 200:
            self._close(RuntimeError(f"an answer was {self._parser.get_status_code()}"))
        elif self._parser.should_keep_alive():
            self._sent = now
            self._send_next()
        else:
            self._open = False
            self._transport.close()
            self._job.reconnect()

    def _send_next(self) -> None:
        message = next(self._job.messages, None)
        if message is None:
            self._close(None)
            return
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(message)

    def _close(self, error: Exception | None) -> None:
        self._open = False
        self._job.finish(error)
        self._transport.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
