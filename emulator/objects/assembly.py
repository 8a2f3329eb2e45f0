"""Parts of one upload, written where they will lie in the whole: completing it then copies nothing.

Most clients send equal parts and a shorter last one, several at a time and so in any order. Part n of an upload with
parts of s bytes gets the place (n - 1) * s of one common blob; what s is, the first part says, or one whose size is a
whole number of MiB, as clients choose it. A place is given once: a part that is sent again, is longer, or comes before
s is known, gets a blob of its own. Where the parts that complete the upload turn out to be neighbours, `joined` makes
one segment of them. A last part that came first is put behind the others then; that is the only copy there is. Whatever
else happens, the whole has several segments.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from emulator.objects.blobs import Blobs
from emulator.objects.body import Body
from emulator.objects.reading import BodyFile

_FARTHEST = 5 << 40
"""Bytes: no place lies behind what a file system takes as a file, ext4 16 TiB."""


@dataclass(slots=True)
class _Assembly:
    blob: str
    stride: int
    taken: set[int] = field(default_factory=set)


class Assemblies:
    """The common blobs of the uploads that are open. Forgotten at a restart, which costs nothing but a segment.

    ``unit``: a part whose size is a multiple of it is taken for one like all others, which a last part hardly is.
    """

    def __init__(self, blobs: Blobs, unit: int = 1 << 20) -> None:
        self._blobs = blobs
        self._unit = unit
        self._lock = threading.Lock()
        self._open: dict[str, _Assembly] = {}

    def place(self, upload: str, number: int, size: int) -> tuple[str, int]:
        """The blob for a part of ``size`` bytes, and its offset in it."""
        with self._lock:
            assembly = self._open.get(upload)
            if assembly is None:
                if number > 1 and size % self._unit:
                    return self._blobs.reserve(), 0
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

    def closed(self, upload: str, body: Body) -> Body:
        """The whole of an upload that is being completed: of one segment where only the last part lies elsewhere.

        That part is copied to its place. Where there is no room for it, ``body`` stays as it is.
        """
        with self._lock:
            assembly = self._open.get(upload)
            if assembly is None or len(body) != 2:
                return body
            head, tail = body
            number, odd = divmod(head.size, assembly.stride)
            is_free = all(taken <= number for taken in assembly.taken)
            if odd or head.blob != assembly.blob or head.offset or tail.size > assembly.stride or not is_free:
                return body
            assembly.taken.add(number + 1)
        try:
            with BodyFile(self._blobs, (tail,)) as file:
                self._blobs.fill(head.blob, head.size, file)
        except OSError:
            return body
        return (replace(head, size=head.size + tail.size),)

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
