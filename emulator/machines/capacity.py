"""Capacity: how many instances run at once. Who asks first is served first, and nobody passes who is waiting."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Answer = Literal["granted", "queued", "impossible"]


@dataclass(order=True, slots=True)
class _Waiting:
    since: float
    number: int
    holder: str = field(compare=False)
    count: int = field(compare=False)
    what: Any = field(compare=False)


class Capacity:
    """At most ``limit`` instances at once; None for no bound. ``grant`` is called, later, for who had to wait.

    It keeps nothing on disk: after a restart those who run `hold` what they have, and those who wait ask again.
    """

    def __init__(self, limit: int | None, grant: Callable[[Any], None]) -> None:
        self.limit = limit
        self._grant = grant
        self._held: dict[str, int] = {}
        self._queue: list[_Waiting] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def reserve(self, holder: str, count: int, since: float, what: Any) -> Answer:
        """Ask for ``count`` instances; ``since`` (seconds since the epoch) says who asked first.

        When the answer is "queued", ``grant`` is called with ``what`` once they are free. Asking again, when one holds
        or waits already, changes nothing.
        """
        with self._lock:
            if self.limit is not None and count > self.limit:
                return "impossible"
            if holder in self._held:
                return "granted"
            if all(waiting.holder != holder for waiting in self._queue):
                heapq.heappush(self._queue, _Waiting(since, next(self._numbers), holder, count, what))
            served = self._serve()
            ours = [one for one in served if one.holder == holder]
            self._tell(one for one in served if one.holder != holder)
            return "granted" if ours else "queued"

    def hold(self, holder: str, count: int) -> None:
        """Count instances that run already, whether or not there is room for them."""
        with self._lock:
            self._held[holder] = count

    def release(self, holder: str) -> None:
        """Give back what ``holder`` has or waits for; fine when it is nothing."""
        with self._lock:
            self._held.pop(holder, None)
            self._queue = [waiting for waiting in self._queue if waiting.holder != holder]
            heapq.heapify(self._queue)
            self._tell(self._serve())

    def clear(self) -> None:
        """Nobody holds or waits for anything any more."""
        with self._lock:
            self._held.clear()
            self._queue.clear()

    def _serve(self) -> list[_Waiting]:
        served = []
        while self._queue and self._fits(self._queue[0].count):
            first = heapq.heappop(self._queue)
            self._held[first.holder] = first.count
            served.append(first)
        return served

    def _fits(self, count: int) -> bool:
        return self.limit is None or sum(self._held.values()) + count <= self.limit

    def _tell(self, served: Any) -> None:
        for one in served:
            self._grant(one.what)
