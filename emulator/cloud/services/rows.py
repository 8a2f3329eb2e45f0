"""The tables that moto's services are kept in, over a connection that somebody else owns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from emulator.cloud.services.place import Place

FORMAT = "1"

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS service_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS unit (service TEXT, account TEXT, region TEXT, path TEXT, kind TEXT NOT NULL,
        state BLOB NOT NULL, PRIMARY KEY (service, account, region, path))""",
    """CREATE TABLE IF NOT EXISTS segment (service TEXT, account TEXT, region TEXT, path TEXT, list TEXT, start INTEGER,
        items BLOB NOT NULL, PRIMARY KEY (service, account, region, path, list, start)) WITHOUT ROWID""",
)
_HERE = "service = ? AND account = ? AND region = ? AND path = ?"
_BELOW = "service = ? AND account = ? AND region = ? AND path >= ? AND path < ?"
_KEY_PATH = "access_keys\x1f"


@dataclass(frozen=True, slots=True)
class Unit:
    """A stored piece: its class (``module:name``) and the pickle of its attributes."""

    place: Place
    kind: str
    state: bytes


class ServiceRows:
    """Rows of units and of the segments of their long lists.

    ``transaction`` makes what is done inside it happen at once or not at all; everything that writes is called in one.
    ``db`` commits by itself outside of one (``isolation_level=None``).
    """

    def __init__(self, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[Any]]) -> None:
        self._db = db
        self.transaction = transaction
        for statement in _SCHEMA:
            db.execute(statement)

    def meta(self, name: str) -> str | None:
        """A fact about the rows themselves."""
        row = self._db.execute("SELECT value FROM service_meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO service_meta VALUES (?, ?)", (name, value))

    def put_unit(self, unit: Unit) -> None:
        """Keeps the row's turn: units are read in the order they were first stored in."""
        self._db.execute(
            "INSERT INTO unit VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind, "
            "state = excluded.state",
            (*unit.place, unit.kind, unit.state),
        )

    def drop(self, place: Place) -> None:
        """Forget what lives at ``place``, with all that is on its shelves and in its lists."""
        where = (*place, place.beyond)
        self._db.execute(f"DELETE FROM unit WHERE {_BELOW}", where)  # noqa: S608 - our own text
        self._db.execute(f"DELETE FROM segment WHERE {_BELOW}", where)  # noqa: S608 - our own text

    def put_segment(self, place: Place, name: str, start: int, items: bytes) -> None:
        """The items of list ``name`` from ``start`` on, up to the next segment's start."""
        self._db.execute("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, name, start, items))

    def cut_segments(self, place: Place, name: str, start: int) -> None:
        """Forget the segments that begin at ``start`` or later."""
        where = (*place, name, start)
        self._db.execute(f"DELETE FROM segment WHERE {_HERE} AND list = ? AND start >= ?", where)  # noqa: S608

    def services(self) -> set[str]:
        """Every service of which something is stored."""
        return {name for (name,) in self._db.execute("SELECT DISTINCT service FROM unit").fetchall()}

    def units(self, service: str) -> list[Unit]:
        """Everything of one service but its lists; owners before what is on their shelves."""
        query = "SELECT account, region, path, kind, state FROM unit WHERE service = ? ORDER BY rowid"
        found = [
            Unit(Place(service, account, region, path), kind, state)
            for account, region, path, kind, state in self._db.execute(query, (service,)).fetchall()
        ]
        return sorted(found, key=lambda unit: unit.place.depth)

    def state(self, place: Place) -> bytes | None:
        """The state of one unit."""
        row = self._db.execute(f"SELECT state FROM unit WHERE {_HERE}", place).fetchone()  # noqa: S608 - our own text
        return row[0] if row else None

    def segments(self, place: Place, name: str) -> Iterable[bytes]:
        """The segments of a list, in order."""
        query = f"SELECT items FROM segment WHERE {_HERE} AND list = ? ORDER BY start"  # noqa: S608 - our own text
        return [items for (items,) in self._db.execute(query, (*place, name)).fetchall()]

    def access_keys(self) -> dict[str, str]:
        """Which account each access key of IAM belongs to; sessions of STS have theirs there as well."""
        query = "SELECT account, path FROM unit WHERE service = 'iam' AND path >= ? AND path < ?"
        rows = self._db.execute(query, (_KEY_PATH, _KEY_PATH + "\U0010ffff")).fetchall()
        return {json.loads(path.split("\x1f")[1]): account for account, path in rows}

    def clear(self) -> None:
        """Forget everything."""
        for table in ("service_meta", "unit", "segment"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
