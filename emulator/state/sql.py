"""The Store over SQL. A SQLite file by default; any SQLAlchemy URL works."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, bindparam, create_engine, delete, event, func, insert, select
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError, OperationalError

from emulator.arns import Scope
from emulator.state import rows, schema, sqlite, tables
from emulator.state.facts import Facts, Findable, Unfindable
from emulator.state.schema import WrongSchema
from emulator.state.search import Mark, Search
from emulator.state.searching import Searching
from emulator.state.sqlite import StateUnreadable
from emulator.state.store import (
    AlreadyExists,
    Document,
    Found,
    Key,
    Missing,
    Position,
    Query,
    Resource,
    StoreUnavailable,
    Transition,
)

__all__ = ["SqlStore", "WrongSchema"]

_AT_ONCE = 500
"""Resources whose facts are written in one transaction when they are missing."""

# Statements of each job's way, made once: SQLAlchemy takes as long to make one as SQLite to carry it out.
_ADD = insert(tables.resource)
_ADD_TRANSITION = insert(tables.transition)
_ADD_TAG = insert(tables.tag)
_STORED = select(tables.resource).where(tables.resource.c.uid == bindparam("its_uid"))
_CHANGE = sql_update(tables.resource).where(tables.resource.c.uid == bindparam("its_uid"))
_LAST_SERIAL = select(func.max(tables.resource.c.serial))


class SqlStore:
    """A Store in the database at ``url`` (an SQLAlchemy URL).

    ``synced``: what is in an SQLite file survives a loss of power; other databases have settings of their own.
    ``findable`` tells what resources can be found by. It is asked whenever a resource is written, and at once for those
    that an older version wrote. Without it nothing can be found but by tags.
    """

    def __init__(self, url: str, *, synced: bool = False, findable: Findable | None = None) -> None:
        self._engine = create_engine(url)
        self._facts = Facts(findable or Unfindable())
        # SQLite has one writer at a time; queueing here is fair and spares its busy-wait.
        self._writing = threading.Lock()
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", partial(_configure_sqlite, synced))
        schema.refuse_unknown(self._engine)  # before anything is written
        with self._write() as connection:
            schema.bring_up(connection)
        while findable is not None and self._write_missing_facts():
            pass

    @classmethod
    def file(cls, path: Path, *, synced: bool = False, findable: Findable | None = None) -> SqlStore:
        """A Store in the SQLite file at ``path``. Raises `StateUnreadable` and `WrongSchema`."""
        sqlite.check(path)
        try:
            return cls(f"sqlite:///{path}", synced=synced, findable=findable)
        except (StoreUnavailable, OperationalError) as error:
            raise StateUnreadable(f"{path} cannot be used: {error}. Choose another --data-dir.") from error

    def insert(self, resource: Resource, transition: Transition | None = None, tags: Document | None = None) -> None:
        try:
            with self._write() as connection:
                serial = _next_serial(connection)
                connection.execute(_ADD, {**rows.columns(resource), "serial": serial})
                _append(connection, resource, transition)
                _add_tags(connection, resource.uid, tags or {})
                self._facts.write(connection, serial, resource, tags or {})
        except IntegrityError:
            existing = self.get(resource.key)
            if existing is None:
                raise
            raise AlreadyExists(existing.arn) from None

    def save(self, resource: Resource, transition: Transition | None = None) -> None:
        with self._write() as connection:
            before = connection.execute(_STORED, {"its_uid": resource.uid}).one_or_none()
            if before is None:
                raise Missing(resource.key)
            connection.execute(_CHANGE, {**rows.columns(resource), "its_uid": resource.uid})
            _append(connection, resource, transition)
            self._facts.write_change(connection, before.serial, rows.resource(before), resource)

    def get(self, key: Key) -> Resource | None:
        with self._read() as connection:
            row = connection.execute(select(tables.resource).where(rows.is_key(key))).one_or_none()
        return rows.resource(row) if row is not None else None

    def delete(self, key: Key) -> None:
        with self._write() as connection:
            connection.execute(delete(tables.resource).where(rows.is_key(key)))

    def scan(self, noun: str, statuses: Collection[str] | None = None) -> Iterator[Resource]:
        found = select(tables.resource).where(tables.resource.c.noun == noun).order_by(tables.resource.c.created_at)
        if statuses is not None:
            found = found.where(tables.resource.c.status.in_(statuses))
        with self._read() as connection:
            return map(rows.resource, connection.execute(found).all())

    def page(self, query: Query, limit: int, after: Position | None = None) -> Sequence[Resource]:
        order = [column.desc() if query.descending else column.asc() for column in rows.order(query)]
        found = select(tables.resource).where(*rows.matches(query)).order_by(*order).limit(limit)
        if after is not None:
            found = found.where(rows.behind(query, after))
        with self._read() as connection:
            return [rows.resource(row) for row in connection.execute(found)]

    def search(self, search: Search, limit: int, after: Mark | None = None) -> Sequence[Found]:
        with self._read() as connection:
            marks = Searching(connection, search).marks(limit, after)
            stored = select(tables.resource).where(tables.resource.c.serial.in_([mark.serial for mark in marks]))
            by_serial = {row.serial: rows.resource(row) for row in connection.execute(stored)}
            tags = _tags_of(connection, [resource.uid for resource in by_serial.values()])
        found = [(by_serial[mark.serial], mark) for mark in marks if mark.serial in by_serial]
        return [Found(resource, tags.get(resource.uid, {}), mark) for resource, mark in found]

    def facts(self, scope: Scope, noun: str, beginning: str, limit: int) -> Sequence[str]:
        field = tables.field.c
        found = select(field.name).where(
            field.account == scope.account,
            field.region == scope.region,
            field.noun == noun,
            field.name.startswith(beginning, autoescape=True),
            select(1).where(tables.fact.c.field == field.id).exists(),
        )
        with self._read() as connection:
            return connection.execute(found.order_by(field.name).limit(limit)).scalars().all()

    def history(self, resource: Resource) -> Sequence[Transition]:
        table = tables.transition
        found = select(table).where(table.c.uid == resource.uid).order_by(table.c.id)
        with self._read() as connection:
            return [Transition(row.at, row.event, row.detail) for row in connection.execute(found)]

    def tags(self, arn: str) -> dict[str, str] | None:
        with self._read() as connection:
            found = _with_arn(connection, arn)
            return None if found is None else _tags_of(connection, [found.uid]).get(found.uid, {})

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        with self._changing_tags(arn) as (connection, uid):
            _put_tags(connection, uid, tags)

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        table = tables.tag
        with self._changing_tags(arn) as (connection, uid):
            connection.execute(delete(table).where(table.c.uid == uid, table.c.key.in_(keys)))

    def clear(self) -> None:
        with self._write() as connection:
            for table in (tables.fact, tables.field, tables.tag, tables.transition, tables.resource):
                connection.execute(delete(table))
            self._facts.forget()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is written inside; who wants to write waits."""
        with self._writing:
            yield

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with _translated(), self._writing:
            try:
                with self._engine.begin() as connection:
                    yield connection
            except BaseException:
                self._facts.forget()
                raise

    @contextmanager
    def _changing_tags(self, arn: str) -> Iterator[tuple[Connection, str]]:
        """A transaction, and the uid of the resource whose tags change in it. Raises `Missing`."""
        with self._write() as connection:
            found = _with_arn(connection, arn)
            if found is None:
                raise Missing(arn)
            before = _tags_of(connection, [found.uid]).get(found.uid, {})
            yield connection, found.uid
            after = _tags_of(connection, [found.uid]).get(found.uid, {})
            self._facts.write_tags(connection, found.serial, rows.resource(found).key, before, after)

    def _write_missing_facts(self) -> int:
        """Write the facts of some resources that have none yet, oldest first; answers of how many."""
        table = tables.resource
        missing = select(table).where(table.c.serial.is_(None)).order_by(table.c.created_at).limit(_AT_ONCE)
        with self._write() as connection:
            found = connection.execute(missing).all()
            tags = _tags_of(connection, [row.uid for row in found])
            for serial, row in enumerate(found, start=_next_serial(connection)):
                connection.execute(sql_update(table).where(table.c.uid == row.uid).values(serial=serial))
                self._facts.write(connection, serial, rows.resource(row), tags.get(row.uid, {}))
        return len(found)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable(str(error.orig)) from error


def _configure_sqlite(synced: bool, connection: Any, _record: Any) -> None:
    # WAL with synchronous=NORMAL: a commit is in the page cache when it returns, so it survives the end of this
    # process at any moment, without the cost of an fsync for each commit. FULL pays it, for the loss of power.
    synchronous = f"synchronous={'FULL' if synced else 'NORMAL'}"
    for pragma in ("journal_mode=WAL", synchronous, "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _next_serial(connection: Connection) -> int:
    return (connection.execute(_LAST_SERIAL).scalar() or 0) + 1


def _append(connection: Connection, resource: Resource, transition: Transition | None) -> None:
    if transition is not None:
        row = {"uid": resource.uid, "at": transition.at, "event": transition.event, "detail": dict(transition.detail)}
        connection.execute(_ADD_TRANSITION, row)


def _with_arn(connection: Connection, arn: str) -> Any:
    return connection.execute(select(tables.resource).where(tables.resource.c.arn == arn)).first()


def _tags_of(connection: Connection, uids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of each of these resources that has any, in the order they were added."""
    table = tables.tag.c
    found: dict[str, dict[str, str]] = {}
    stored: Select[Any] = select(table.uid, table.key, table.value).where(table.uid.in_(uids)).order_by(table.position)
    for uid, key, value in connection.execute(stored):
        found.setdefault(uid, {})[key] = value
    return found


def _add_tags(connection: Connection, uid: str, tags: Mapping[str, str]) -> None:
    """The tags of a resource that has none."""
    added = [
        {"uid": uid, "position": position, "key": key, "value": value}
        for position, (key, value) in enumerate(tags.items(), start=1)
    ]
    if added:
        connection.execute(_ADD_TAG, added)


def _put_tags(connection: Connection, uid: str, tags: Mapping[str, str]) -> None:
    table = tables.tag
    if not tags:
        return
    highest = connection.execute(select(func.max(table.c.position)).where(table.c.uid == uid)).scalar()
    for position, (key, value) in enumerate(tags.items(), start=(highest or 0) + 1):
        known = sql_update(table).where(table.c.uid == uid, table.c.key == key).values(value=value)
        if connection.execute(known).rowcount == 0:
            connection.execute(insert(table).values(uid=uid, position=position, key=key, value=value))
