"""Alarms: call back at a time. One thread serves them all and exists only while one is set."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from typing import Any

from emulator.clock import Clock

log = logging.getLogger(__name__)

# A wait is cut into pieces so that a change of the wall clock is noticed.
_LONGEST_WAIT = 30.0


class Alarms:
    """Calls ``ring(what)`` on the alarm thread once the clock has reached the time set."""

    def __init__(self, clock: Clock, ring: Callable[[Any], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._heap: list[tuple[float, int, Any]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._open = True

    def set(self, at: float, what: Any) -> None:
        """Ring for ``what`` at ``at`` (seconds since the epoch)."""
        with self._changed:
            heapq.heappush(self._heap, (at, next(self._order), what))
            if self._thread is None and self._open:
                self._thread = threading.Thread(target=self._serve, name="alarms", daemon=True)
                self._thread.start()
            self._changed.notify()

    def wake(self) -> None:
        """Look at the clock now: it has been shifted."""
        with self._changed:
            self._changed.notify()

    def clear(self) -> None:
        """Drop every alarm."""
        with self._changed:
            self._heap.clear()
            self._changed.notify()

    def close(self) -> None:
        """Ring no more."""
        with self._changed:
            self._open = False
            self._heap.clear()
            self._changed.notify()

    def _serve(self) -> None:
        while (what := self._next()) is not None:
            try:
                self._ring(what[0])
            except Exception:
                log.exception("an alarm failed")

    def _next(self) -> tuple[Any] | None:
        with self._changed:
            while self._open and self._heap:
                left = self._heap[0][0] - self._clock.now()
                if left <= 0:
                    return (heapq.heappop(self._heap)[2],)
                self._changed.wait(min(left, _LONGEST_WAIT))
            self._thread = None
            return None
