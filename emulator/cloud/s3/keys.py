"""moto's store of keys, with an index, and with keys that are made of their rows only when somebody looks at them.

The index has the names in S3's order, without sorting them for each list. Keys that nobody looks at cost what their
rows do: a hundred thousand of them are there again in a fraction of a second, and in a fifth of the memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from moto.s3.utils import _VersionedKeyStore


class IndexedKeys(_VersionedKeyStore):
    """Key name to its versions, as moto has it; `names` is the index.

    New names are collected and sorted in when the index is next looked at: Python's sort takes two sorted runs for
    what they are, so that costs about as much as passing over the names once. ``read`` makes the versions of a key of
    its name and its row.
    """

    def __init__(self, read: Callable[[str, bytes], list[Any]] | None = None) -> None:
        super().__init__()
        self._read = read
        self._lock = threading.RLock()  # the index and the store change together
        self._sorted: list[str] = []
        self._added: set[str] = set()
        self._removed: set[str] = set()

    def __setitem__(self, key: str, value: Any) -> None:
        with self._lock:
            self._note(key)
            super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        with self._lock:
            self._note(key)
            super().setlist(key, list_)

    def pop(self, key: str) -> None:  # type: ignore[override]  # as in moto
        """Take a key out; KeyError where it is not there. moto would dispose of its versions, delete markers among
        them, which cannot be disposed of; no version holds anything here."""
        with self._lock:
            dict.pop(self, key)
            self._forget(key)

    def load(self, rows: Iterable[tuple[str, bytes | list[Any]]]) -> None:
        """Put keys, name and row or versions, in place of those that are there, which are not disposed of."""
        with self._lock:
            for key, row in rows:
                self._note(key)
                dict.__setitem__(self, key, row)

    def unload(self, key: str) -> None:
        """Take a key out; its versions are not disposed of."""
        with self._lock:
            if dict.pop(self, key, None) is not None:
                self._forget(key)

    def clear(self) -> None:
        """Take every key out; none is made of its row for that."""
        with self._lock:
            super().clear()
            self._sorted, self._added, self._removed = [], set(), set()

    def names(self) -> Sequence[str]:
        """Every name, in S3's order (that of code points is that of UTF-8 bytes). Not to be changed."""
        with self._lock:
            if self._added or self._removed:
                kept = [name for name in self._sorted if name not in self._removed] if self._removed else self._sorted
                self._sorted = sorted([*kept, *self._added])
                self._added, self._removed = set(), set()
            return self._sorted

    def __sgetitem__(self, key: str) -> list[Any]:
        found: Any = dict.__getitem__(self, key)
        return self._made(key) if isinstance(found, bytes) else found

    def _made(self, key: str) -> list[Any]:
        """The versions of a key that was a row so far."""
        with self._lock:
            found: Any = dict.__getitem__(self, key)
            if isinstance(found, bytes):
                assert self._read is not None, "only a store that can read them is given rows"
                found = self._read(key, found)
                dict.__setitem__(self, key, found)
            versions: list[Any] = found
            return versions

    def _note(self, key: str) -> None:
        if key in self._removed:
            self._removed.discard(key)
        elif key not in self:
            self._added.add(key)

    def _forget(self, key: str) -> None:
        if key in self._added:
            self._added.discard(key)
        else:
            self._removed.add(key)
