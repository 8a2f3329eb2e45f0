"""The durable catalogue: what must be remembered across a crash, as rows of one SQLite file.

Rows are opaque bytes to this module; what it knows is which blobs they name. WAL with ``synchronous=NORMAL``: a commit
survives the death of the process (it is in the page cache); with ``FULL`` it survives the loss of power.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from emulator.cloud.services.rows import ServiceRows
from emulator.state import sqlite
from emulator.state.sqlite import StateUnreadable

FORMAT = "2"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, account TEXT NOT NULL, partition TEXT NOT NULL, data BLOB);
CREATE TABLE IF NOT EXISTS object (bucket TEXT, name TEXT, data BLOB, blobs TEXT, PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS upload (bucket TEXT, id TEXT, data BLOB, PRIMARY KEY (bucket, id));
CREATE TABLE IF NOT EXISTS part
    (bucket TEXT, upload TEXT, number INTEGER, data BLOB, blobs TEXT, PRIMARY KEY (bucket, upload, number));
CREATE TABLE IF NOT EXISTS blob (name TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS naming (blob TEXT, owner TEXT, PRIMARY KEY (blob, owner)) WITHOUT ROWID;
"""
_TABLES = ("meta", "bucket", "object", "upload", "part", "blob", "naming")


class Catalogue:
    """The SQLite file. Callers hold `transaction` around what must be seen together.

    Raises `StateUnreadable` for a file that is damaged or has another format. ``synced``: commits survive a loss of
    power.
    """

    def __init__(self, path: Path, *, synced: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        """Held while names change; taken by `transaction`."""
        self._path = path
        self._lost: set[str] = set()
        self._readers: list[sqlite3.Connection] = []  # those that nobody uses just now
        sqlite.check(path)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=256)
        try:
            with sqlite.readable(path):
                self._open(synced)
                self.services = ServiceRows(self._db, self.transaction)
                """The rows of moto's other services."""
        except BaseException:
            self._db.close()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[set[str]]:
        """Everything inside is stored at once or not at all; yields the blobs that rows have ceased to name."""
        with self.lock:
            self._lost = set()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._lost
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite ends some by itself, such as one that found the disk full
                    self._db.execute("ROLLBACK")
                raise

    def meta(self, name: str) -> str | None:
        """A fact about the file itself."""
        with self.lock:
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def sign(self, moto: str) -> None:
        """Note who wrote the file: this format, that version of moto."""
        self.set_meta("format", FORMAT)
        self.set_meta("moto", moto)

    def set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def put_bucket(self, name: str, account: str, partition: str, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", (name, account, partition, data))

    def drop_bucket(self, name: str) -> None:
        """Forget a bucket with all that is in it."""
        for (key,) in self._db.execute("SELECT name FROM object WHERE bucket = ?", (name,)).fetchall():
            self.drop_object(name, key)
        for (upload,) in self._db.execute("SELECT id FROM upload WHERE bucket = ?", (name,)).fetchall():
            self.drop_upload(name, upload)
        self._db.execute("DELETE FROM bucket WHERE name = ?", (name,))

    def put_object(self, bucket: str, name: str, data: bytes, blobs: Iterable[str]) -> None:
        """All versions of one key."""
        owner, names = _owner(bucket, name), set(blobs)
        self._rename(owner, self._named_by("object WHERE bucket = ? AND name = ?", (bucket, name)), names)
        self._db.execute("INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?)", (bucket, name, data, " ".join(names)))

    def drop_object(self, bucket: str, name: str) -> None:
        self._rename(
            _owner(bucket, name), self._named_by("object WHERE bucket = ? AND name = ?", (bucket, name)), set()
        )
        self._db.execute("DELETE FROM object WHERE bucket = ? AND name = ?", (bucket, name))

    def put_upload(self, bucket: str, upload: str, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO upload VALUES (?, ?, ?)", (bucket, upload, data))

    def drop_upload(self, bucket: str, upload: str) -> None:
        """Forget an open upload with its parts."""
        found = self._db.execute("SELECT number FROM part WHERE bucket = ? AND upload = ?", (bucket, upload)).fetchall()
        for (number,) in found:
            where = (bucket, upload, number)
            self._rename(_owner(*where), self._named_by(_PART, where), set())
        self._db.execute("DELETE FROM part WHERE bucket = ? AND upload = ?", (bucket, upload))
        self._db.execute("DELETE FROM upload WHERE bucket = ? AND id = ?", (bucket, upload))

    def put_part(self, bucket: str, upload: str, number: int, data: bytes, blobs: Iterable[str]) -> None:
        where, names = (bucket, upload, number), set(blobs)
        self._rename(_owner(*where), self._named_by(_PART, where), names)
        self._db.execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)", (*where, data, " ".join(names)))

    def put_blob(self, name: str, data: bytes) -> None:
        """A small blob, in the transaction that first names it."""
        self._db.execute("INSERT OR REPLACE INTO blob VALUES (?, ?)", (name, data))

    def drop_blobs(self, names: Iterable[str]) -> None:
        """Forget small blobs; those that are none are passed over."""
        self._db.executemany("DELETE FROM blob WHERE name = ?", [(name,) for name in names])

    def blob(self, name: str) -> bytes | None:
        """The bytes of a small blob. Does not wait for a transaction of another thread."""
        with self._reader() as db:
            row = db.execute("SELECT data FROM blob WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def drop_nameless(self) -> None:
        """Forget the small blobs that no row names."""
        self._db.execute("DELETE FROM blob WHERE name NOT IN (SELECT blob FROM naming)")

    def is_named(self, blob: str) -> bool:
        """Whether some row names a blob."""
        return self._db.execute("SELECT 1 FROM naming WHERE blob = ? LIMIT 1", (blob,)).fetchone() is not None

    def named(self) -> set[str]:
        """Every blob that some row names and that is no row itself."""
        query = "SELECT DISTINCT blob FROM naming WHERE blob NOT IN (SELECT name FROM blob)"
        return {name for (name,) in self._db.execute(query)}

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

    def objects(self, bucket: str) -> Iterator[tuple[str, bytes]]:
        """Name and data of every key of a bucket, by name."""
        yield from self._db.execute("SELECT name, data FROM object WHERE bucket = ? ORDER BY name", (bucket,))

    def uploads(self, bucket: str) -> Iterator[tuple[str, bytes]]:
        """Id and data of every open upload of a bucket."""
        yield from self._db.execute("SELECT id, data FROM upload WHERE bucket = ?", (bucket,))

    def parts(self, bucket: str, upload: str) -> Iterator[tuple[int, bytes]]:
        """Number and data of every part of an upload, by number."""
        query = "SELECT number, data FROM part WHERE bucket = ? AND upload = ? ORDER BY number"
        yield from self._db.execute(query, (bucket, upload))

    def clear(self) -> None:
        """Forget everything."""
        for table in _TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self.services.clear()

    def close(self) -> None:
        with self.lock:
            for db in (self._db, *self._readers):
                db.close()

    def _open(self, synced: bool) -> None:
        self._refuse_other_formats()
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
        self._db.executescript(_SCHEMA)

    def _refuse_other_formats(self) -> None:
        """Before anything is written to the file."""
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
            return
        found = self.meta("format")
        if found not in (None, FORMAT):
            raise StateUnreadable(
                f"{self._path} has format {found}; this version of the emulator reads {FORMAT}. "
                "Use another --data-dir, or the version that wrote it."
            )

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, which nobody else uses meanwhile. There are as many as ever read at once."""
        try:
            db = self._readers.pop()
        except IndexError:
            db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            db.execute("PRAGMA cache_size=-512")
        try:
            yield db
        finally:
            self._readers.append(db)

    def _one(self, query: str, where: tuple[str, ...]) -> Any:
        return self._db.execute(query, where).fetchone()

    def _named_by(self, row: str, where: tuple[str | int, ...]) -> set[str]:
        found = self._db.execute(f"SELECT blobs FROM {row}", where).fetchone()  # noqa: S608 - our own texts
        return set(found[0].split()) if found else set()

    def _rename(self, owner: str, before: set[str], now: set[str]) -> None:
        """``owner`` names the blobs ``now`` in place of those it named ``before``."""
        lost, gained = before - now, now - before
        if lost:
            self._db.executemany("DELETE FROM naming WHERE blob = ? AND owner = ?", [(name, owner) for name in lost])
            self._lost.update(lost)
        if gained:
            self._db.executemany("INSERT OR IGNORE INTO naming VALUES (?, ?)", [(name, owner) for name in gained])


_PART = "part WHERE bucket = ? AND upload = ? AND number = ?"


def _owner(*where: str | int) -> str:
    return "\0".join(map(str, where))
