"""Turns: whoever changes an object waits for those that change the same one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_TURNS = 256


class Turns:
    """A lock for each key, shared by keys whose hashes meet. moto has none of its own: two changes of one key would
    both begin with what was there before."""

    def __init__(self) -> None:
        self._locks = [threading.RLock() for _ in range(_TURNS)]

    @contextlib.contextmanager
    def of(self, bucket: str, key: str) -> Iterator[None]:
        """The turn of one key (decoded); without one, of all: a bucket itself, or keys that a body names."""
        mine = [self._locks[hash((bucket, key)) % _TURNS]] if key else self._locks
        with contextlib.ExitStack() as held:
            for lock in mine:  # always in this order, so that nobody waits for somebody who waits
                held.enter_context(lock)
            yield
