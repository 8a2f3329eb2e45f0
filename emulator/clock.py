"""The Clock port: every reading of wall time and every wait goes through it, so that tests can own time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

FARTHEST = 10 * 366 * 86400
"""Seconds that a clock can be ahead: years beyond every limit of SageMaker's, and still a date that clients read."""


class Clock(Protocol):
    """Wall time in seconds since the epoch, and patience with what really happens."""

    def now(self) -> float:
        """The present moment, in seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never set or shifted: for deadlines of what containers and threads really do."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for ``seconds`` that really pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ShiftedClock:
    """A clock that tests can set ahead of another one, never back. May be used from any thread.

    SageMaker's own time is read here: creation times, time limits, what is due. Containers, S3, the other services of
    AWS and the times of log lines stay with the machine's clock, and nothing that is waited for really comes sooner.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = 0.0
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []

    @property
    def offset(self) -> float:
        """Seconds that this clock is ahead."""
        return self._offset

    def now(self) -> float:
        return self._clock.now() + self._offset

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def shift(self, seconds: Any) -> float:
        """Set the clock ``seconds`` further ahead; answers the whole offset. Raises ValueError for what cannot be."""
        with self._lock:
            if type(seconds) not in (int, float) or not 0 < seconds <= FARTHEST - self._offset:
                raise ValueError(
                    f"seconds must be a number above 0, and the clock at most {FARTHEST} ahead, not {seconds!r}."
                )
            self._offset += seconds
            offset = self._offset
        for call in self._subscribers:
            call()
        return offset

    def reset(self) -> None:
        """Go with the other clock again. For when nothing is left that was dated by this one."""
        with self._lock:
            self._offset = 0.0

    def subscribe(self, call: Callable[[], None]) -> None:
        """Call back after every shift: what was due later may be due now. To be asked for before the first shift."""
        self._subscribers.append(call)


class FakeClock:
    """A clock that moves only when told to; ``sleep`` moves it and returns at once."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._now += seconds
