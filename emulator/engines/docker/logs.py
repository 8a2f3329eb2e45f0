"""Container output as lines.

The engine sends frames of eight bytes of header (stream, three zeros, length) and a payload that begins with the
time of its writing. A line longer than 16 KiB comes in several frames, each with a time of its own and only the last
with a line end; stdout and stderr may alternate between them.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from urllib.parse import urlencode

import docker
import requests
from docker.types import CancellableStream

from emulator.engines.port import LONGEST_LINE, LogLine

_HEADER = struct.Struct(">BxxxL")
_OVERLAP_SECONDS = 1.0
_SECONDS_LENGTH = len("2024-01-01T00:00:00")


class _Unfinished:
    """The beginning of a line of one stream, and when it was written."""

    def __init__(self) -> None:
        self.at = 0.0
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, at: float, data: bytes) -> None:
        if not self.parts:
            self.at = at
        self.parts.append(data)
        self.size += len(data)

    def take(self) -> LogLine:
        text = b"".join(self.parts).decode("utf-8", "replace")
        self.parts, self.size = [], 0
        return LogLine(self.at, text)


class Decoder:
    """Turns the bytes of a log stream into lines; bytes may be cut anywhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._unfinished: dict[int, _Unfinished] = {}

    def feed(self, data: bytes) -> Iterator[LogLine]:
        """Yield the lines that ``data`` completes."""
        self._buffer += data
        for stream, payload in self._frames():
            stamp, _, text = payload.partition(b" ")
            yield from self._lines(stream, _timestamp(stamp.decode()), text)

    def finish(self) -> Iterator[LogLine]:
        """Yield what was written without a line end, in the order of its writing."""
        for rest in sorted(self._unfinished.values(), key=lambda one: one.at):
            if rest.parts:
                yield rest.take()

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        position = 0
        while len(self._buffer) >= position + _HEADER.size:
            stream, length = _HEADER.unpack_from(self._buffer, position)
            end = position + _HEADER.size + length
            if len(self._buffer) < end:
                break
            yield stream, bytes(self._buffer[position + _HEADER.size : end])
            position = end
        del self._buffer[:position]

    def _lines(self, stream: int, at: float, text: bytes) -> Iterator[LogLine]:
        line = self._unfinished.setdefault(stream, _Unfinished())
        *complete, rest = text.split(b"\n")
        for part in complete:
            line.add(at, part)
            yield line.take()
        if rest:
            line.add(at, rest)
            if line.size >= LONGEST_LINE:
                yield line.take()


class Streams:
    """The answers being read, so that closing the engine can end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._responses: set[requests.Response] = set()

    @contextmanager
    def open(self, response: requests.Response) -> Iterator[requests.Response]:
        with self._lock:
            self._responses.add(response)
        try:
            yield response
        finally:
            with self._lock:
                self._responses.discard(response)
            response.close()

    def close(self) -> None:
        """Break every connection that is being read; the reader gets an error."""
        with self._lock:
            responses = list(self._responses)
        for response in responses:
            with suppress(OSError, AttributeError):  # it may be ending by itself just now
                CancellableStream(iter(()), response).close()


class Follower:
    """Reads one container's output in as many goes as it takes, and yields each line once.

    A second go is needed when the connection breaks, and always at the end: an engine that sees a container die may
    end a follower before the last line it wrote (seen with 20.10, stdout and stderr both written in the last moment).
    What a go yields is a beginning of what the engine keeps, so a later one starts a second earlier and skips as many
    lines as were yielded from there. Times alone would not do: stdout's and stderr's are not in order.
    """

    def __init__(self, client: docker.APIClient, streams: Streams, container: str, since: float | None) -> None:
        self._client = client
        self._streams = streams
        self._container = container
        self._since = since
        self._newest: float | None = None
        self._recent: deque[float] = deque()

    def read(self, follow: bool) -> Iterator[LogLine]:
        """The lines not yielded before: those there are, or with ``follow`` all until the container ends."""
        start = self._since if self._newest is None else self._newest - _OVERLAP_SECONDS
        skip = 0 if start is None else sum(at >= start for at in self._recent)
        for line in lines(self._chunks(start, follow)):
            if not self._wanted(line.at, start):
                continue
            if skip:
                skip -= 1
                continue
            self._remember(line.at)
            yield line

    def _chunks(self, since: float | None, follow: bool) -> Iterator[bytes]:
        """The output as the engine sends it, from its beginning or shortly before ``since``.

        docker-py's own ``logs`` inspects the container first, which blocks while one ends, and hides the frames.
        """
        query: dict[str, str | int] = {"follow": int(follow), "stdout": 1, "stderr": 1, "timestamps": 1}
        if since is not None:  # a float is exact to a quarter of a microsecond, the engine's times to a nanosecond
            query["since"] = f"{max(0.0, since - 1e-6):.9f}"
        path = f"/v{self._client.api_version}/containers/{self._container}/logs?{urlencode(query)}"
        with self._streams.open(self._client.get(self._client.base_url + path, stream=True, timeout=None)) as response:
            self._client._raise_for_status(response)  # type: ignore[attr-defined]  # no public way to an APIError
            yield from response.iter_content(None)

    def _wanted(self, at: float, start: float | None) -> bool:
        return (self._since is None or at > self._since) and (start is None or at >= start)

    def _remember(self, at: float) -> None:
        self._newest = at if self._newest is None else max(at, self._newest)
        self._recent.append(at)
        while self._recent[0] < self._newest - _OVERLAP_SECONDS:
            self._recent.popleft()


def lines(chunks: Iterable[bytes]) -> Iterator[LogLine]:
    """The lines in ``chunks``."""
    decoder = Decoder()
    for chunk in chunks:
        yield from decoder.feed(chunk)
    yield from decoder.finish()


def _timestamp(text: str) -> float:
    """Seconds since the epoch of the engine's RFC 3339 time with nanoseconds."""
    whole = datetime.fromisoformat(text[:_SECONDS_LENGTH] + "+00:00").timestamp()
    fraction = text[_SECONDS_LENGTH:].rstrip("Z")
    return whole + (float("0" + fraction) if fraction else 0.0)
