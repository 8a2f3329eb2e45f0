"""A snapshot as the bytes of its file: a tar compressed by gzip, made piece by piece while it is read."""

from __future__ import annotations

import sqlite3
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol

from emulator import replacing
from emulator.datadir import alone
from emulator.snapshot import manifest
from emulator.snapshot.manifest import SnapshotError
from emulator.snapshot.picture import Picture, Still, take

_CHUNK = 1 << 20
_LEVEL = 1
"""Of compression. Snapshots are made often and kept for a short time; models hardly shrink anyway."""
_GZIP = 31
_END = b"\0" * 2 * tarfile.BLOCKSIZE


class Cloud(Still, Protocol):
    """What is needed of `emulator.cloud.Cloud`."""

    def visited(self) -> AbstractContextManager[None]: ...


class Archive:
    """An iterator of bytes. What it holds is given back at its end, and by `close`.

    Iterating raises `SnapshotError`; what was read until then is no snapshot.
    """

    def __init__(self, picture: Picture, held: ExitStack) -> None:
        self.manifest = picture.manifest
        self._pieces = _compressed(_members(picture))
        self._held = held

    def __iter__(self) -> Archive:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except OSError as error:
            self.close()
            raise SnapshotError(f"The state cannot be read: {error}.") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the state; twice is fine."""
        self._held.close()


def of_running(data_dir: Path, cloud: Cloud, store: Still) -> Archive:
    """The state of an emulator of this process, as it is now. Raises `SnapshotError`."""
    with ExitStack() as held:
        held.enter_context(cloud.visited())
        return _archive(data_dir, (cloud, store), held)


def of_directory(data_dir: Path) -> Archive:
    """The state in a data directory that no emulator uses; none can start on it until the archive is closed.

    Raises `SnapshotError` and `DataDirError`.
    """
    if not replacing.holds_state(data_dir):
        raise SnapshotError(f"No emulator runs, and {data_dir} holds no state to save.")
    with ExitStack() as held:
        held.enter_context(alone(data_dir))
        return _archive(data_dir, (), held)


def _archive(data_dir: Path, writers: tuple[Still, ...], held: ExitStack) -> Archive:
    """``held`` is taken over when that succeeds."""
    try:
        picture = take(data_dir, writers, held)
    except (OSError, sqlite3.Error, ValueError) as error:
        raise SnapshotError(f"The state in {data_dir} cannot be read: {error}.") from error
    return Archive(picture, held.pop_all())


def _members(picture: Picture) -> Iterator[bytes]:
    """The tar."""
    yield from _member(manifest.NAME, picture.manifest.written)
    for name, file in ((replacing.RESOURCES, picture.resources), (replacing.CATALOGUE, picture.catalogue)):
        yield from _streamed(name, file, picture.manifest.sizes[name])
    for blob in picture.blobs:
        with blob.path.open("rb", buffering=0) as file:
            yield from _streamed(f"{replacing.OBJECTS}/{blob.path.name}", file, blob.size)
    yield _END


def _member(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content))
    yield content + _padding(len(content))


def _streamed(name: str, file: BinaryIO, size: int) -> Iterator[bytes]:
    """A member of the first ``size`` bytes of a file; there may be more by now, of an upload that goes on."""
    yield _header(name, size)
    file.seek(0)
    left = size
    while left:
        block = file.read(min(_CHUNK, left))
        if not block:
            raise SnapshotError(f"{name} became shorter while it was saved.")
        left -= len(block)
        yield block
    yield _padding(size)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if block := compressor.compress(piece):
            yield block
    yield compressor.flush()
