"""moto's store of keys, with an index: the names in S3's order, without sorting them for each list."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from moto.s3.utils import _VersionedKeyStore


class IndexedKeys(_VersionedKeyStore):
    """Key name to its versions, as moto has it; `names` is the index.

    New names are collected and sorted in when the index is next looked at: Python's sort takes two sorted runs for
    what they are, so that costs about as much as passing over the names once.
    """

    def __init__(self) -> None:
        super().__init__()
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

    def load(self, key: str, versions: list[Any]) -> None:
        """Put all versions of a key, in place of those that are there; they are not disposed of."""
        with self._lock:
            self._note(key)
            dict.__setitem__(self, key, versions)

    def unload(self, key: str) -> None:
        """Take a key out; its versions are not disposed of."""
        with self._lock:
            if dict.pop(self, key, None) is not None:
                self._forget(key)

    def names(self) -> Sequence[str]:
        """Every name, in S3's order (that of code points is that of UTF-8 bytes). Not to be changed."""
        with self._lock:
            if self._added or self._removed:
                kept = [name for name in self._sorted if name not in self._removed] if self._removed else self._sorted
                self._sorted = sorted([*kept, *self._added])
                self._added, self._removed = set(), set()
            return self._sorted

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
