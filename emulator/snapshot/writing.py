"""Writing a snapshot's file: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from emulator.durable import sync_directory
from emulator.snapshot.manifest import SnapshotError


def write(pieces: Iterable[bytes], target: Path, told: Callable[[int], object] = lambda _: None) -> int:
    """Write ``pieces`` to the file ``target``, for its owner only; answers its size in bytes.

    A file that is there is replaced once the new one is complete and on the disk. ``told`` is called with the number of
    bytes written so far. Raises `SnapshotError`, and what ``pieces`` raises, which
    is no OSError.
    """
    if target.exists() and not target.is_file():
        raise SnapshotError(f"{target} is there and is no ordinary file.")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        return _replace(target, Path(name), descriptor, pieces, told)
    except OSError as error:
        raise SnapshotError(f"{target} cannot be written: {error.strerror}.") from error


def _replace(target: Path, part: Path, descriptor: int, pieces: Iterable[bytes], told: Callable[[int], object]) -> int:
    try:
        size = _fill(descriptor, pieces, told)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)
    return size


def _fill(descriptor: int, pieces: Iterable[bytes], told: Callable[[int], object]) -> int:
    size = 0
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            size += file.write(piece)
            told(size)
        file.flush()
        os.fsync(file.fileno())
    return size
