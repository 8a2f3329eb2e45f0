"""What a request changed: marks left by moto's hooks, collected for the commit that follows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket's own configuration, or its existence."""

    bucket: str


@dataclass(frozen=True, slots=True)
class Key:
    """All versions of one key."""

    bucket: str
    name: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An open multipart upload without its parts, or its end."""

    bucket: str
    upload: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an open upload."""

    bucket: str
    upload: str
    number: int


@dataclass(frozen=True, slots=True)
class Known:
    """What has been found out about a key that did not change: worth storing, and nothing to take back."""

    bucket: str
    name: str


Touch = Bucket | Key | Upload | Part | Known


class Touches:
    """Collects marks for the calling thread; marks made outside of `recording` wait for the next commit."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._stray: set[Touch] = set()

    @contextlib.contextmanager
    def recording(self) -> Iterator[set[Touch]]:
        """Yields the set that the marks of this thread go to; nested recordings share it."""
        outer: set[Touch] | None = getattr(self._local, "marks", None)
        marks = set() if outer is None else outer
        self._local.marks = marks
        try:
            yield marks
        finally:
            self._local.marks = outer

    def mark(self, touch: Touch) -> None:
        """Note that ``touch`` changed."""
        marks: set[Touch] | None = getattr(self._local, "marks", None)
        if marks is not None:
            marks.add(touch)
            return
        with self._lock:
            self._stray.add(touch)

    @property
    def astray(self) -> bool:
        """Whether there are marks of threads that were not recording."""
        return bool(self._stray)

    def take_stray(self) -> set[Touch]:
        """The marks of threads that were not recording; they are handed over."""
        with self._lock:
            stray, self._stray = self._stray, set()
        return stray
