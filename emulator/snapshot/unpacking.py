"""Reading a snapshot's file into a directory: only what belongs in it, under names of our own making."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from emulator import replacing
from emulator.objects.blobs import MODE
from emulator.snapshot import manifest
from emulator.snapshot.manifest import Manifest, SnapshotError

_CHUNK = 1 << 20
_DATABASES = (replacing.RESOURCES, replacing.CATALOGUE)
_BLOB = re.compile(rf"{replacing.OBJECTS}/([0-9a-f]{{32}})")
_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)

Told = Callable[[int], object]
"""Is called with the number of bytes read so far."""


def unpack(file: Path, directory: Path, told: Told = lambda _: None) -> Manifest:
    """Write everything in the snapshot ``file`` below ``directory``. Raises `SnapshotError`, and OSError."""
    with _reading(file, told) as source, gzip.GzipFile(fileobj=source) as plain:
        with tarfile.open(fileobj=plain, mode="r|", bufsize=_CHUNK) as archive:
            found = _manifest(archive)
            _members(archive, directory)
        while plain.read(_CHUNK):  # to the checksum of the whole, which stands at the end
            pass
    return found


@contextmanager
def _reading(file: Path, told: Told) -> Iterator[IO[bytes]]:
    """The file; what is wrong with it becomes a `SnapshotError`."""
    try:
        source = _Told(file, told)
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read: {error.strerror}.") from error
    with source:
        try:
            yield source
        except SnapshotError as error:
            raise SnapshotError(f"{file} cannot be loaded: {error}") from error
        except _BROKEN as error:
            raise SnapshotError(f"{file} is damaged, or no snapshot: {error}. Nothing was changed.") from error


class _Told(io.FileIO):
    """A file that says how far it has been read."""

    def __init__(self, path: Path, told: Told) -> None:
        super().__init__(path)
        self._told = told
        self._done = 0

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self._done += len(block)
        self._told(self._done)
        return block


def _manifest(archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    if first is None or first.name != manifest.NAME or not first.isreg() or first.size > manifest.LONGEST:
        raise SnapshotError("it is no snapshot of this emulator.")
    return Manifest.read(_content(archive, first).read())


def _members(archive: tarfile.TarFile, directory: Path) -> None:
    # First of all, closed to everyone else: the blobs in it are open to anyone who reaches them.
    (directory / replacing.OBJECTS).mkdir(mode=0o700)
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would remember every one
        target = _target(member, directory)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            _copy(_content(archive, member), target)
        except FileExistsError:
            raise SnapshotError(f"{member.name} is in it twice.") from None


def _target(member: tarfile.TarInfo, directory: Path) -> Path:
    """Where a member goes. Raises `SnapshotError` for one that a snapshot does not have."""
    blob = _BLOB.fullmatch(member.name)
    if not member.isreg() or not (blob or member.name in _DATABASES):
        raise SnapshotError(f"{member.name!r} does not belong into a snapshot.")
    return directory / replacing.OBJECTS / blob[1][:2] / blob[1] if blob else directory / member.name


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None, "it is a regular file"
    return content


def _copy(source: IO[bytes], target: Path) -> None:
    is_blob = target.name not in _DATABASES
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        while block := source.read(_CHUNK):
            _write(file, block)
        if is_blob:
            os.fchmod(file.fileno(), MODE)


def _write(file: IO[bytes], block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[file.write(left) :]
