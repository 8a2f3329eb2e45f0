"""Shipping: a container's lines into a log stream, in batches that are small in time and bounded in size."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from emulator.arns import Scope
from emulator.sinks.port import Line, LogSink, Stamped, milliseconds

_BATCH = 1000
_FLUSH_SECONDS = 0.2


def ship(lines: Iterable[Line], sink: LogSink, scope: Scope, group: str, stream: str) -> None:
    """Write every line of ``lines`` to the stream, in order, at most a fraction of a second after it came.

    Returns when ``lines`` ends and all of it is written. The stream exists from the start. Lines that are there already
    are passed over: a container that was found again tells everything from its beginning.
    """
    sink.write(scope, group, stream, [])
    there = Counter(sink.written(scope, group, stream))
    batch = _Batch(lambda ready: sink.write(scope, group, stream, ready))
    try:
        for line in lines:
            if not taken(there, (milliseconds(line.at), line.text)):
                batch.add(line)
    finally:
        batch.close()


def taken(there: Counter[Stamped], one: Stamped) -> bool:
    """Whether ``one`` is among what is there, as often as it has not been taken yet."""
    if there[one] == 0:  # which a Counter does not keep
        return False
    there[one] -= 1
    return True


class _Batch:
    """Collects lines and writes them from a timer, or at once when there are many."""

    def __init__(self, write: Callable[[list[Line]], None]) -> None:
        self._write = write
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self, line: Line) -> None:
        with self._lock:
            self._lines.append(line)
            if len(self._lines) >= _BATCH:
                self._flush()
            elif self._timer is None:
                self._timer = threading.Timer(_FLUSH_SECONDS, self._on_timer)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        with self._lock:
            self._flush()
            if self._timer is not None:
                self._timer.cancel()

    def _on_timer(self) -> None:
        with self._lock:
            self._timer = None
            self._flush()

    def _flush(self) -> None:
        if self._lines:
            ready, self._lines = self._lines, []
            self._write(ready)
