"""Replacing the state in a data directory: all of it or nothing, at whatever moment the process is killed.

New state is put together in `incoming`, below the data directory, where nobody looks at it. `commit` renames that
directory, which happens at once or not at all; from then on the new state counts, and `finish` moves its parts to
their places. Whoever opens a data directory calls `finish` first.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from emulator.durable import sync_directory

RESOURCES = "emulator.db"
CATALOGUE = "cloud.sqlite3"
OBJECTS = "objects"

_PARTS = (RESOURCES, CATALOGUE, OBJECTS)
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; of another database it would be poison."""

_INCOMING = "incoming"
_ACCEPTED = "accepted"


def holds_state(data_dir: Path) -> bool:
    """Whether a data directory holds anything that new state would replace."""
    return any((data_dir / part).exists() for part in _PARTS)


def incoming(data_dir: Path) -> Path:
    """An empty directory for new state: `RESOURCES`, `CATALOGUE` and `OBJECTS`."""
    path = data_dir / _INCOMING
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    return path


def abandon(data_dir: Path) -> None:
    """Remove new state that was not committed."""
    shutil.rmtree(data_dir / _INCOMING, ignore_errors=True)


def commit(data_dir: Path) -> None:
    """The new state takes the place of what there was. It survives a loss of power from here on. Raises OSError."""
    os.sync()  # one wait for all of its files
    (data_dir / _INCOMING).rename(data_dir / _ACCEPTED)
    sync_directory(data_dir)
    finish(data_dir)


def finish(data_dir: Path) -> None:
    """Go on with what a killed process has committed, and remove what it has not. Raises OSError."""
    abandon(data_dir)
    accepted = data_dir / _ACCEPTED
    if not accepted.exists():
        return
    for part in _PARTS:
        if (accepted / part).exists():
            _remove(data_dir, part)
            (accepted / part).rename(data_dir / part)
    sync_directory(data_dir)
    shutil.rmtree(accepted)


def _remove(data_dir: Path, part: str) -> None:
    for name in (part, *(part + ending for ending in _BESIDE)):
        path = data_dir / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
