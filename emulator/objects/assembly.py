"""Parts of one upload, written where they will lie in the whole: completing it then copies nothing.

Most clients send equal parts and a shorter last one. So part n of an upload whose first part had s bytes gets the
place (n - 1) * s of one common blob. A place is given once: a part that is sent again, or is longer, gets a blob of
its own. Where the parts that complete the upload turn out to be neighbours, `joined` makes one segment of them;
where not, the whole has several segments, and still nothing is copied.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from emulator.objects.blobs import Blobs

_FARTHEST = 5 << 40
"""Bytes: no place lies behind what a file system takes as a file, ext4 16 TiB."""


@dataclass(slots=True)
class _Assembly:
    blob: str
    stride: int
    taken: set[int] = field(default_factory=set)


class Assemblies:
    """The common blobs of the uploads that are open. Forgotten at a restart, which costs nothing but a segment."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._open: dict[str, _Assembly] = {}

    def place(self, upload: str, number: int, size: int) -> tuple[str, int]:
        """The blob for a part of ``size`` bytes, and its offset in it."""
        with self._lock:
            assembly = self._open.get(upload)
            if assembly is None:
                assembly = self._open[upload] = _Assembly(self._blobs.reserve(), size)
            offset = (number - 1) * assembly.stride
            if size > assembly.stride or number in assembly.taken or offset > _FARTHEST:
                return self._blobs.reserve(), 0
            assembly.taken.add(number)
            return assembly.blob, offset

    def give_back(self, upload: str, number: int, blob: str) -> None:
        """The part that was to be at a place of ``blob`` has failed: its bytes go, the place is for the next try.

        Only the last place can be cut off; what lies between others is written over, or stays unnamed.
        """
        with self._lock:
            assembly = self._open.get(upload)
            if assembly is None or assembly.blob != blob:
                return  # a blob of the part's own, which goes with the request
            assembly.taken.discard(number)
            if all(taken < number for taken in assembly.taken):
                self._blobs.cut(blob, (number - 1) * assembly.stride)

    def forget(self, upload: str) -> None:
        """The upload is completed or aborted."""
        with self._lock:
            self._open.pop(upload, None)

    def leave(self, blobs: Collection[str]) -> None:
        """Give no more places in ``blobs``, which are about to be removed: the next parts get another blob."""
        with self._lock:
            self._open = {upload: each for upload, each in self._open.items() if each.blob not in blobs}

    def clear(self) -> None:
        """Forget every upload."""
        with self._lock:
            self._open.clear()
