"""What makes names of files survive a loss of power: a file's own fsync does not do that."""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path, *, mode: int, synced: bool) -> None:
    """Make a directory, with those above it that are missing; ``synced``: their names survive a loss of power."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    if synced:
        for one in missing:
            sync_directory(one.parent)
