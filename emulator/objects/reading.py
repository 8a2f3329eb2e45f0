"""A body as a file: read from where its blobs lie, a piece at a time, or put where a job wants it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from emulator.objects import placing
from emulator.objects.blobs import CHUNK, Blobs
from emulator.objects.body import Body, Segment, cut, size_of
from emulator.objects.port import Damaged


def place(blobs: Blobs, body: Body, target: Path, *, shared: bool) -> None:
    """Make the file ``target``, where nothing is yet, hold a body; see `placing.place`. Raises `Damaged`, OSError."""
    if not any(blobs.is_small(segment.blob) for segment in body):
        pieces = [placing.Piece(blobs.path(segment.blob), segment.offset, segment.size) for segment in body]
        placing.place(pieces, target, shared=shared)
        return
    with target.open("xb") as file:
        try:
            shutil.copyfileobj(BodyFile(blobs, body), file, CHUNK)
        except BaseException:
            target.unlink()
            raise


class BodyFile(io.RawIOBase):
    """The bytes of ``body``, seekable. Its blobs are looked at once, at the beginning; raises `Damaged`.

    ``closed_with`` is called once, when the file is closed: until then somebody keeps the blobs from being removed.
    """

    def __init__(self, blobs: Blobs, body: Body, closed_with: Callable[[], object] = lambda: None) -> None:
        self._blobs = blobs
        self._body = body
        self._size = size_of(body)
        self._closed_with: Callable[[], object] | None = closed_with
        self._current: BinaryIO | None = None
        self._left = 0  # bytes of the present segment that are still to be read
        self._rest: Body = body
        self._position = 0
        try:
            blobs.check(body[1:])  # the first is looked at when it is opened
            self._go_on()
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the first byte")
        self._position = base + offset
        self._let_go()
        self._rest = cut(self._body, self._position, self._size)
        return self._position

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._go_on()
        if self._current is None:
            return 0
        with memoryview(buffer) as view:
            block = self._current.read(min(len(view), self._left))
            view[: len(block)] = block
        if self._left and not block and len(buffer):
            raise Damaged("they end early")
        self._left -= len(block)
        self._position += len(block)
        return len(block)

    def close(self) -> None:
        self._let_go()
        super().close()
        if self._closed_with is not None:
            done, self._closed_with = self._closed_with, None
            done()

    def _go_on(self) -> None:
        """Open the next segment, if there is one."""
        self._let_go()
        if self._rest:
            segment, self._rest = self._rest[0], self._rest[1:]
            self._current, self._left = self._opened(segment), segment.size

    def _opened(self, segment: Segment) -> BinaryIO:
        small = self._blobs.small(segment)
        return io.BytesIO(small) if small is not None else self._blobs.open(segment)

    def _let_go(self) -> None:
        self._left = 0
        if self._current is not None:
            self._current.close()
            self._current = None
