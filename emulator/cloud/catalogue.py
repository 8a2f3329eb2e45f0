"""The durable catalogue: what moto must remember across a crash, as rows of one SQLite file.

Rows are opaque bytes to this module. WAL with ``synchronous=NORMAL``: a commit survives the death of the process
(it is in the page cache), not the loss of power.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, account TEXT NOT NULL, partition TEXT NOT NULL, data BLOB);
CREATE TABLE IF NOT EXISTS object (bucket TEXT, name TEXT, data BLOB, bodies TEXT, PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS upload (bucket TEXT, id TEXT, data BLOB, PRIMARY KEY (bucket, id));
CREATE TABLE IF NOT EXISTS part
    (bucket TEXT, upload TEXT, number INTEGER, data BLOB, bodies TEXT, PRIMARY KEY (bucket, upload, number));
CREATE TABLE IF NOT EXISTS service
    (service TEXT, account TEXT, partition TEXT, data BLOB, keys TEXT, PRIMARY KEY (service, account, partition));
"""
_TABLES = ("meta", "bucket", "object", "upload", "part", "service")


class StateUnreadable(Exception):
    """State on disk that this version cannot read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service's whole state in one account and partition; ``keys`` are the access keys that belong to it."""

    service: str
    account: str
    partition: str
    data: bytes
    keys: tuple[str, ...]


class Catalogue:
    """The SQLite file. Callers hold `transaction` around what must be seen together."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._dead: set[str] = set()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        if self.meta("format") not in (None, FORMAT):
            raise StateUnreadable(f"{path} has format {self.meta('format')}; this version reads {FORMAT}.")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[set[str]]:
        """Everything inside is stored at once or not at all; yields the bodies that it leaves without a name."""
        with self._lock:
            self._dead = set()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._dead
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite ends some by itself, such as one that found the disk full
                    self._db.execute("ROLLBACK")
                raise

    def meta(self, name: str) -> str | None:
        """A fact about the file itself."""
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def put_bucket(self, name: str, account: str, partition: str, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", (name, account, partition, data))

    def drop_bucket(self, name: str) -> None:
        """Forget a bucket with all that is in it."""
        self._bury(
            "SELECT bodies FROM object WHERE bucket = ?1 UNION ALL SELECT bodies FROM part WHERE bucket = ?1", (name,)
        )
        self._db.execute("DELETE FROM object WHERE bucket = ?", (name,))
        self._db.execute("DELETE FROM upload WHERE bucket = ?", (name,))
        self._db.execute("DELETE FROM part WHERE bucket = ?", (name,))
        self._db.execute("DELETE FROM bucket WHERE name = ?", (name,))

    def put_object(self, bucket: str, name: str, data: bytes, bodies: Iterable[str]) -> None:
        """All versions of one key."""
        self.drop_object(bucket, name)
        self._db.execute("INSERT INTO object VALUES (?, ?, ?, ?)", (bucket, name, data, self._names(bodies)))

    def drop_object(self, bucket: str, name: str) -> None:
        self._bury("SELECT bodies FROM object WHERE bucket = ? AND name = ?", (bucket, name))
        self._db.execute("DELETE FROM object WHERE bucket = ? AND name = ?", (bucket, name))

    def put_upload(self, bucket: str, upload: str, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO upload VALUES (?, ?, ?)", (bucket, upload, data))

    def drop_upload(self, bucket: str, upload: str) -> None:
        """Forget an open upload with its parts."""
        self._bury("SELECT bodies FROM part WHERE bucket = ? AND upload = ?", (bucket, upload))
        self._db.execute("DELETE FROM part WHERE bucket = ? AND upload = ?", (bucket, upload))
        self._db.execute("DELETE FROM upload WHERE bucket = ? AND id = ?", (bucket, upload))

    def put_part(self, bucket: str, upload: str, number: int, data: bytes, bodies: Iterable[str]) -> None:
        where = (bucket, upload, number)
        self._bury("SELECT bodies FROM part WHERE bucket = ? AND upload = ? AND number = ?", where)
        self._db.execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)", (*where, data, self._names(bodies)))

    def put_service(self, row: ServiceRow) -> None:
        values = (row.service, row.account, row.partition, row.data, json.dumps(row.keys))
        self._db.execute("INSERT OR REPLACE INTO service VALUES (?, ?, ?, ?, ?)", values)

    def buckets(self) -> Iterator[tuple[str, str, str, bytes]]:
        """Name, account, partition and data of every bucket."""
        yield from self._db.execute("SELECT name, account, partition, data FROM bucket")

    def bucket(self, name: str) -> tuple[str, str, bytes] | None:
        """Account, partition and data of one bucket."""
        row: tuple[str, str, bytes] | None
        row = self._one("SELECT account, partition, data FROM bucket WHERE name = ?", (name,))
        return row

    def object(self, bucket: str, name: str) -> bytes | None:
        """The data of one key."""
        row = self._one("SELECT data FROM object WHERE bucket = ? AND name = ?", (bucket, name))
        return row[0] if row else None

    def service(self, service: str, account: str, partition: str) -> bytes | None:
        """The data of one service in one account and partition."""
        query = "SELECT data FROM service WHERE service = ? AND account = ? AND partition = ?"
        row = self._one(query, (service, account, partition))
        return row[0] if row else None

    def objects(self, bucket: str) -> Iterator[tuple[str, bytes]]:
        """Name and data of every key of a bucket."""
        yield from self._db.execute("SELECT name, data FROM object WHERE bucket = ?", (bucket,))

    def uploads(self, bucket: str) -> Iterator[tuple[str, bytes]]:
        """Id and data of every open upload of a bucket."""
        yield from self._db.execute("SELECT id, data FROM upload WHERE bucket = ?", (bucket,))

    def parts(self, bucket: str, upload: str) -> Iterator[tuple[int, bytes]]:
        """Number and data of every part of an upload, by number."""
        query = "SELECT number, data FROM part WHERE bucket = ? AND upload = ? ORDER BY number"
        yield from self._db.execute(query, (bucket, upload))

    def services(self) -> Iterator[ServiceRow]:
        for service, account, partition, data, keys in self._db.execute("SELECT * FROM service"):
            yield ServiceRow(service, account, partition, data, tuple(json.loads(keys)))

    def access_keys(self) -> dict[str, str]:
        """Which account each known access key belongs to."""
        rows = self._db.execute("SELECT account, keys FROM service")
        return {key: account for account, keys in rows for key in json.loads(keys)}

    def bodies(self) -> set[str]:
        """Every body that some row names."""
        rows = self._db.execute("SELECT bodies FROM object UNION ALL SELECT bodies FROM part")
        return {name for (names,) in rows for name in names.split()}

    def clear(self) -> None:
        """Forget everything."""
        for table in _TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _bury(self, query: str, where: tuple[str | int, ...]) -> None:
        for (names,) in self._db.execute(query, where):
            self._dead.update(names.split())

    def _one(self, query: str, where: tuple[str, ...]) -> Any:
        return self._db.execute(query, where).fetchone()

    def _names(self, bodies: Iterable[str]) -> str:
        names = list(bodies)
        self._dead.difference_update(names)
        return " ".join(names)
