"""Turns: whoever changes an object waits for those that change the same one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator

_TURNS = 256


class Turns:
    """A lock for each key, shared by keys whose hashes meet. moto has none of its own: two changes of one key would
    both begin with what was there before."""

    def __init__(self) -> None:
        self._locks = [threading.RLock() for _ in range(_TURNS)]

    @contextlib.contextmanager
    def of(self, bucket: str, keys: Iterable[str] = ()) -> Iterator[None]:
        """The turns of some keys (decoded); without any, of all: a bucket itself."""
        places = sorted({hash((bucket, key)) % _TURNS for key in keys})
        mine = [self._locks[place] for place in places] or self._locks
        with contextlib.ExitStack() as held:
            for lock in mine:  # always in this order, so that nobody waits for somebody who waits
                held.enter_context(lock)
            yield
