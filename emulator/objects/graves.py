"""Removing blobs safely: not before the last request that could still mean to use one is over."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self


class Visit:
    """A context; over at its end, or when somebody who asked to `keep` it leaves. Leaving twice is fine."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave
        self._kept = False

    def keep(self) -> Callable[[], None]:
        """Do not end with the context but when the answer is called."""
        self._kept = True
        return self.leave

    def leave(self) -> None:
        """End the visit."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None or not self._kept:
            self.leave()


class Graves:
    """Blobs that seemed to be named by nobody when they were buried.

    A request that began before a burial may have seen the blob and be about to name it again, as a copy does. So a
    blob is looked at again when all these requests are over, under ``naming``, the lock that names are changed under:
    one that ``named`` still knows has come back to life, any other is given to ``remove``.
    """

    def __init__(
        self,
        naming: contextlib.AbstractContextManager[Any],
        named: Callable[[str], bool],
        remove: Callable[[list[str]], object],
    ) -> None:
        self._naming = naming
        self._named = named
        self._lock = threading.Lock()  # taken after `naming`, never before it
        self._remove = remove
        self._moments = itertools.count()
        self._visitors: set[int] = set()
        self._buried: dict[str, int] = {}

    def visit(self) -> Visit:
        """From now until the visit is over, no blob that is buried later is removed."""
        with self._lock:
            moment = next(self._moments)
            self._visitors.add(moment)
        return Visit(lambda: self._leave(moment))

    def bury(self, names: Iterable[str]) -> None:
        """Let ``names`` be removed when that is safe. To be called under ``naming``, together with the change
        that left them without a name, or by the request that made them, before its visit ends."""
        with self._lock:
            moment = next(self._moments)
            for name in names:
                self._buried.pop(name, None)  # a later burial goes to the end
                self._buried[name] = moment

    def sweep(self) -> None:
        """Remove what can be removed now."""
        ripe = self._ripe()
        if ripe:
            with self._naming:
                dead = [name for name in ripe if not self._named(name)]
            if dead:  # nobody can name them any more: no lock is needed, and removing large files takes time
                self._remove(dead)

    def alone(self) -> bool:
        """Whether there is one visitor at most: what is buried now could be removed at once."""
        with self._lock:
            return len(self._visitors) <= 1

    def clear(self) -> None:
        """Forget what is buried."""
        with self._lock:
            self._buried.clear()

    def _leave(self, moment: int) -> None:
        with self._lock:
            self._visitors.discard(moment)
        self.sweep()

    def _ripe(self) -> list[str]:
        """What was buried before the oldest visit began, taken out. Burials are in the order of their moments."""
        with self._lock:
            oldest = min(self._visitors, default=None)
            found = []
            for name, moment in self._buried.items():
                if oldest is not None and moment > oldest:
                    break
                found.append(name)
            for name in found:
                del self._buried[name]
            return found
