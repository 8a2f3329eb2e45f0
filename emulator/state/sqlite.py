"""SQLite files that cannot be used: found when they are opened, before anything is written to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


class StateUnreadable(Exception):
    """State on disk that this version cannot read; the message says what to do."""


class StateDamaged(StateUnreadable):
    """A file that is there and is no whole database; ``said`` is what SQLite says of it."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(
            f"{path} is damaged: {said}. It was left as it is. Put back a good copy of the data directory "
            "(`sagemaker-emulator snapshot load` reads a snapshot), or choose another --data-dir."
        )
        self.path = path
        self.said = said


def check(path: Path) -> None:
    """Raise `StateUnreadable` for a file that is there and is damaged, or cannot be opened."""
    if path.exists():
        with readable(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
            # One problem is enough to know. What the check cannot see either, an unreadable schema, raises.
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever SQLite says of the file ``path`` inside becomes a `StateUnreadable`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: sqlite3.DatabaseError) -> StateUnreadable:
    said = " ".join(str(error).split())
    if isinstance(error, sqlite3.OperationalError):
        return StateUnreadable(
            f"{path} cannot be opened: {said}. Make room or give access there, or choose another --data-dir."
        )
    return StateDamaged(path, said)
