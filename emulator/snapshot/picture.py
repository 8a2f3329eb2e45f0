"""All of an emulator's state as it is at one moment, to be read while the emulator goes on."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from msgspec.structs import replace

from emulator import replacing
from emulator.cloud.s3 import extents
from emulator.objects.blobs import Blobs
from emulator.snapshot.manifest import Manifest, SnapshotError

_AT_ONCE = 2048
"""Pages that one step of a copy takes: between two steps other threads get their turn."""


class Still(Protocol):
    """Something that can be kept from changing."""

    def still(self) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of objects, as far as rows name its bytes; ``owner`` is one of those it belongs to."""

    path: Path
    size: int
    owner: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Copies of both databases, open for reading, and the files that the catalogue names, which nobody removes."""

    manifest: Manifest
    resources: BinaryIO
    catalogue: BinaryIO
    blobs: list[Blob]


def take(data_dir: Path, writers: tuple[Still, ...], stack: ExitStack) -> Picture:
    """The state in ``data_dir``. It lasts until ``stack``, which also is to keep its blobs from removal, is closed.

    ``writers`` are those that write to it: they are held up only while two read transactions begin. Raises
    `SnapshotError`, OSError and sqlite3.Error.
    """
    with ExitStack() as reading:
        resources, catalogue = _frozen(data_dir, writers, reading)
        manifest = Manifest.of(resources, catalogue)
        blobs = _blobs(catalogue, data_dir / replacing.OBJECTS)
        with _room(data_dir) as room:
            stored = stack.enter_context(_copied(resources, room / "resources"))
            listed = stack.enter_context(_copied(catalogue, room / "catalogue"))
        sizes = {
            replacing.RESOURCES: _size(stored),
            replacing.CATALOGUE: _size(listed),
            replacing.OBJECTS: sum(blob.size for blob in blobs),
        }
        return Picture(replace(manifest, sizes=sizes, objects=len(blobs)), stored, listed, blobs)


def _frozen(data_dir: Path, writers: tuple[Still, ...], stack: ExitStack) -> tuple[sqlite3.Connection, ...]:
    """Both databases, each in a read transaction: SQLite goes on to show them as they are now, whoever writes."""
    paths = [data_dir / name for name in (replacing.RESOURCES, replacing.CATALOGUE)]
    databases = tuple(stack.enter_context(closing(_opened(path))) for path in paths)
    with ExitStack() as held:
        for writer in writers:
            held.enter_context(writer.still())
        for db in databases:
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # only a read takes the picture
    return databases


def _opened(path: Path) -> sqlite3.Connection:
    """A database that is there."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


@contextmanager
def _room(data_dir: Path) -> Iterator[Path]:
    """A directory for copies. What a killed process leaves in it goes at the next start, as that of a job would."""
    above = data_dir / "work" / "snapshot"
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=above) as room:
        yield Path(room)


@contextmanager
def _copied(source: sqlite3.Connection, path: Path) -> Iterator[BinaryIO]:
    """The copy of a database, which needs no name once it is open."""
    with path.open("x+b", buffering=0) as copy:
        with closing(sqlite3.connect(path, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous=OFF")
            source.backup(target, pages=_AT_ONCE, sleep=0)
        path.unlink()
        yield copy


def _blobs(catalogue: sqlite3.Connection, objects: Path) -> list[Blob]:
    """Every file that rows name. Raises `SnapshotError` for one that is not whole."""
    needed: dict[str, tuple[int, str]] = {}
    for one in extents.named(catalogue):
        segment = one.segment
        end = segment.offset + segment.size
        if not Blobs.is_small(segment.blob) and end > needed.get(segment.blob, (0, ""))[0]:
            needed[segment.blob] = end, one.owner
    blobs = [Blob(objects / name[:2] / name, size, owner) for name, (size, owner) in sorted(needed.items())]
    for blob in blobs:
        _must_be_whole(blob)
    return blobs


def _must_be_whole(blob: Blob) -> None:
    try:
        found = blob.path.stat().st_size
    except FileNotFoundError:
        found = 0
    if found < blob.size:
        raise SnapshotError(
            f"{blob.owner} is damaged: {blob.path} has {found} bytes where {blob.size} were stored. Delete the object "
            "or put it again, then save."
        )


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
