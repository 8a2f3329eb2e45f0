"""Blobs: bytes that are written once under a random name and never changed, on disk below one directory.

Large ones are files. Small ones are rows of the catalogue, written by the commit that names them: until then their
bytes wait here, so that a request that comes in between can read them. Nothing here knows who names a blob, or why.
"""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from emulator.durable import sync_directory
from emulator.objects.body import Body, Segment
from emulator.objects.port import Damaged

SMALL = 16 << 10
"""Bytes up to which a blob is a row: a file of its own costs more than the bytes."""
CHUNK = 1 << 20

_ROW = "~"
MODE = 0o666
"""Of the files; their directory is closed to everyone else. A container that sees one through an overlay may run as
any user, and must be allowed to change what it believes to be its own input."""

_AT_ONCE = threading.Semaphore(max(1, (os.cpu_count() or 1) - 1))
"""How many blocks are digested and written at a time: that takes a core each, and one is left for those who are not
uploading anything."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Rows(Protocol):
    """Where small blobs are once they are committed."""

    def blob(self, name: str) -> bytes | None: ...


class Blobs:
    """The blobs below ``directory``. ``synced``: what is written survives a loss of power once it is finished."""

    def __init__(self, directory: Path, rows: Rows, *, synced: bool = False) -> None:
        self._directory = directory
        self._rows = rows
        self._synced = synced
        self._waiting: dict[str, bytes] = {}
        self._durable: set[Path] = set()

    @staticmethod
    def is_small(name: str) -> bool:
        """Whether a blob is a row of the catalogue rather than a file."""
        return name.startswith(_ROW)

    def save(self, source: Readable, seen: Callable[[bytes], object] = lambda _: None) -> Body:
        """Copy ``source`` to its end into a new blob; ``seen`` is shown each piece. Raises OSError."""
        head = _head(source)
        if len(head) <= SMALL:
            seen(head)
            return self.keep(head)
        name = self.reserve()
        try:
            return (Segment(name, 0, self.fill(name, 0, _Chained(head, source), seen)),)
        except BaseException:
            self.path(name).unlink(missing_ok=True)
            raise

    def keep(self, data: bytes) -> Body:
        """A small blob of bytes that are in memory; it is stored when the catalogue takes it (`waiting`)."""
        if not data:
            return ()
        name = _ROW + uuid.uuid4().hex
        self._waiting[name] = data
        return (Segment(name, 0, len(data)),)

    def reserve(self) -> str:
        """The name of a new file, not made yet."""
        return uuid.uuid4().hex

    def fill(self, name: str, offset: int, source: Readable, seen: Callable[[bytes], object] = lambda _: None) -> int:
        """Write ``source`` to its end into the file ``name`` from ``offset`` on; answers the number of bytes.

        Several threads may fill different places of one file. When this returns the bytes are as durable as asked.
        """
        descriptor = self._create(name)
        size = 0
        try:
            while block := source.read(CHUNK):
                with _AT_ONCE:
                    seen(block)
                    size += _write(descriptor, block, offset + size)
            if self._synced:
                os.fsync(descriptor)
                self._make_durable(self.path(name).parent)
        finally:
            os.close(descriptor)
        return size

    def cut(self, name: str, size: int) -> None:
        """Let the file of a large blob end at ``size``, if it goes on behind that: nobody has named what is there."""
        path = self.path(name)
        if _size(path) > size:
            os.truncate(path, size)

    def waiting(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Small blobs among ``names`` that are in no row yet, with their bytes."""
        for name in names:
            data = self._waiting.get(name)
            if data is not None:
                yield name, data

    def settled(self, names: Iterable[str]) -> None:
        """Let go of small blobs that have become rows."""
        for name in names:
            self._waiting.pop(name, None)

    def small(self, segment: Segment) -> bytes | None:
        """The bytes of a segment of a small blob; None when the blob is a file. Raises `Damaged`."""
        if not self.is_small(segment.blob):
            return None
        # In this order: a blob leaves the waiting room only after its row is there.
        data = self._waiting.get(segment.blob)
        data = self._rows.blob(segment.blob) if data is None else data
        if data is None or len(data) < segment.offset + segment.size:
            raise Damaged(_damaged(segment, "is gone"))
        return data[segment.offset : segment.offset + segment.size]

    def open(self, segment: Segment) -> BinaryIO:
        """The file of a large segment, at the segment's first byte. Raises `Damaged`.

        What is open stays readable when the blob is removed.
        """
        try:
            file = self.path(segment.blob).open("rb", buffering=0)
        except FileNotFoundError:
            raise Damaged(_damaged(segment, "is gone")) from None
        try:
            self._must_hold(segment, os.fstat(file.fileno()).st_size)
            file.seek(segment.offset)
        except BaseException:
            file.close()
            raise
        return file

    def check(self, body: Body) -> None:
        """Raise `Damaged` when some of a body's blobs are not there, or not whole."""
        for segment in body:
            if self.small(segment) is None:
                self._must_hold(segment, _size(self.path(segment.blob)))

    def path(self, name: str) -> Path:
        """Where the file of a large blob is."""
        return self._directory / name[:2] / name

    def remove(self, names: Iterable[str]) -> None:
        """Remove blobs nobody names any more; rows are the catalogue's affair."""
        for name in names:
            if self.is_small(name):
                self._waiting.pop(name, None)
            else:
                self.path(name).unlink(missing_ok=True)

    def keep_only(self, names: set[str]) -> int:
        """Remove every file that is not in ``names``: what a killed process had written and not named yet."""
        removed = 0
        for path in self._directory.glob("??/*"):
            if path.name not in names:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def clear(self) -> None:
        """Remove every blob."""
        self._waiting.clear()
        self._durable.clear()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _must_hold(self, segment: Segment, size: int) -> None:
        if size < segment.offset + segment.size:
            what = f"has {size} bytes where {segment.offset + segment.size} were stored" if size >= 0 else "is gone"
            raise Damaged(_damaged(segment, what))

    def _create(self, name: str) -> int:
        """A descriptor of the file ``name``, which is made if it is not there."""
        path = self.path(name)
        try:
            return _opened(path)
        except FileNotFoundError:
            for directory in (self._directory, path.parent):  # `parents=True` would leave the outer one open to all
                directory.mkdir(mode=0o700, exist_ok=True)
            return _opened(path)

    def _make_durable(self, directory: Path) -> None:
        """The names in a directory, and the directory's own, even where another request has just made them."""
        sync_directory(directory)
        if directory not in self._durable:
            sync_directory(self._directory)
            sync_directory(self._directory.parent)
            self._durable.add(directory)


def _opened(path: Path) -> int:
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE)
    if is_new:
        os.fchmod(descriptor, MODE)  # past the umask
    return descriptor


def _head(source: Readable) -> bytes:
    """The first bytes of a source: all of it when that is no more than `SMALL`, else more than that."""
    parts, size = [], 0
    while size <= SMALL and (block := source.read(CHUNK)):
        parts.append(block)
        size += len(block)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Chained:
    """A source whose beginning has been read already."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._rest.read(size)


def _write(descriptor: int, block: bytes, offset: int) -> int:
    view = memoryview(block)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
    return len(block)


def _size(path: Path) -> int:
    """A file's size in bytes; -1 when it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _damaged(segment: Segment, what: str) -> str:
    return f"the blob {segment.blob} {what}"
