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
    bytes written so far. Raises `SnapshotError`, and what ``pieces`` raises.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise SnapshotError(f"{target} cannot be written: {error.strerror}.") from error
    part = Path(name)
    try:
        size = _fill(descriptor, pieces, told)
        _settle(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def _fill(descriptor: int, pieces: Iterable[bytes], told: Callable[[int], object]) -> int:
    size = 0
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            try:
                size += file.write(piece)
            except OSError as error:
                raise SnapshotError(f"The snapshot cannot be written: {error.strerror}.") from error
            told(size)
        file.flush()
        os.fsync(file.fileno())
    return size


def _settle(part: Path, target: Path) -> None:
    try:
        part.replace(target)
        sync_directory(target.parent)
    except OSError as error:
        raise SnapshotError(f"{target} cannot be written: {error.strerror}.") from error
