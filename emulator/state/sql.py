"""The Store over SQL. A SQLite file by default; any SQLAlchemy URL works."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    or_,
    select,
)
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError, OperationalError

from emulator.arns import Scope
from emulator.state import sqlite, tables
from emulator.state.sqlite import StateUnreadable
from emulator.state.store import (
    AlreadyExists,
    Document,
    Key,
    Missing,
    Position,
    Query,
    Resource,
    StoreUnavailable,
    Transition,
)


class WrongSchema(Exception):
    """The database was written by another version of the emulator."""


class SqlStore:
    """A Store in the database at ``url`` (an SQLAlchemy URL).

    ``synced``: what is in an SQLite file survives a loss of power; other databases have settings of their own.
    """

    def __init__(self, url: str, *, synced: bool = False) -> None:
        self._engine = create_engine(url)
        # SQLite has one writer at a time; queueing here is fair and spares its busy-wait.
        self._writing = threading.Lock()
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", partial(_configure_sqlite, synced))
        self._create()

    @classmethod
    def file(cls, path: Path, *, synced: bool = False) -> SqlStore:
        """A Store in the SQLite file at ``path``. Raises `StateUnreadable` and `WrongSchema`."""
        sqlite.check(path)
        try:
            return cls(f"sqlite:///{path}", synced=synced)
        except (StoreUnavailable, OperationalError) as error:
            raise StateUnreadable(f"{path} cannot be used: {error}. Choose another --data-dir.") from error

    def insert(self, resource: Resource, transition: Transition | None = None, tags: Document | None = None) -> None:
        try:
            with self._write() as connection:
                connection.execute(insert(tables.resource).values(_columns(resource)))
                _append(connection, resource, transition)
                _put_tags(connection, resource.uid, tags or {})
        except IntegrityError:
            existing = self.get(resource.key)
            if existing is None:
                raise
            raise AlreadyExists(existing.arn) from None

    def save(self, resource: Resource, transition: Transition | None = None) -> None:
        change = sql_update(tables.resource).where(tables.resource.c.uid == resource.uid).values(_columns(resource))
        with self._write() as connection:
            if connection.execute(change).rowcount == 0:
                raise Missing(resource.key)
            _append(connection, resource, transition)

    def get(self, key: Key) -> Resource | None:
        with self._read() as connection:
            row = connection.execute(select(tables.resource).where(_is(key))).one_or_none()
        return _resource(row) if row is not None else None

    def delete(self, key: Key) -> None:
        with self._write() as connection:
            connection.execute(delete(tables.resource).where(_is(key)))

    def scan(self, noun: str, statuses: Collection[str] | None = None) -> Iterator[Resource]:
        found = select(tables.resource).where(tables.resource.c.noun == noun).order_by(tables.resource.c.created_at)
        if statuses is not None:
            found = found.where(tables.resource.c.status.in_(statuses))
        with self._read() as connection:
            rows = connection.execute(found).all()
        return map(_resource, rows)

    def page(self, query: Query, limit: int, after: Position | None = None) -> Sequence[Resource]:
        column, name = tables.resource.c[query.sort], tables.resource.c.name
        order = [column.desc(), name.desc()] if query.descending else [column, name]
        found = select(tables.resource).where(*_conditions(query)).order_by(*order).limit(limit)
        if after is not None:
            found = found.where(_behind(query, after))
        with self._read() as connection:
            return [_resource(row) for row in connection.execute(found)]

    def history(self, resource: Resource) -> Sequence[Transition]:
        table = tables.transition
        found = select(table).where(table.c.uid == resource.uid).order_by(table.c.id)
        with self._read() as connection:
            return [Transition(row.at, row.event, row.detail) for row in connection.execute(found)]

    def tags(self, arn: str) -> dict[str, str] | None:
        table = tables.tag
        with self._read() as connection:
            uid = _uid_of(connection, arn)
            if uid is None:
                return None
            found = select(table.c.key, table.c.value).where(table.c.uid == uid).order_by(table.c.position)
            return {row.key: row.value for row in connection.execute(found)}

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        with self._write() as connection:
            _put_tags(connection, _require_uid(connection, arn), tags)

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        table = tables.tag
        with self._write() as connection:
            uid = _require_uid(connection, arn)
            connection.execute(delete(table).where(table.c.uid == uid, table.c.key.in_(keys)))

    def clear(self) -> None:
        with self._write() as connection:
            for table in (tables.tag, tables.transition, tables.resource):
                connection.execute(delete(table))

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
        with _translated(), self._writing, self._engine.begin() as connection:
            yield connection

    def _refuse_other_versions(self) -> None:
        if not inspect(self._engine).has_table(tables.about.name):
            return
        with self._read() as connection:
            found = connection.execute(select(tables.about.c.schema_version)).scalar_one_or_none()
        if found not in (None, tables.SCHEMA_VERSION):
            raise WrongSchema(
                f"the database {self._engine.url.database} has schema version {found}; this version of the "
                f"emulator reads {tables.SCHEMA_VERSION}. Use another --data-dir, or the version that wrote it."
            )

    def _create(self) -> None:
        self._refuse_other_versions()  # before anything is written
        tables.metadata.create_all(self._engine)
        with self._write() as connection:
            if connection.execute(select(tables.about.c.schema_version)).scalar_one_or_none() is None:
                connection.execute(insert(tables.about).values(schema_version=tables.SCHEMA_VERSION))


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


def _columns(resource: Resource) -> dict[str, Any]:
    return {
        "uid": resource.uid,
        "account": resource.key.scope.account,
        "region": resource.key.scope.region,
        "noun": resource.key.noun,
        "name": resource.key.name,
        "arn": resource.arn,
        "status": resource.status,
        "created_at": resource.created_at,
        "modified_at": resource.modified_at,
        "request": dict(resource.request),
        "state": dict(resource.state),
    }


def _resource(row: Row[Any]) -> Resource:
    return Resource(
        key=Key(Scope(row.account, row.region), row.noun, row.name),
        uid=row.uid,
        arn=row.arn,
        status=row.status,
        created_at=row.created_at,
        modified_at=row.modified_at,
        request=row.request,
        state=row.state,
    )


def _is(key: Key) -> ColumnElement[bool]:
    table = tables.resource
    return and_(
        table.c.account == key.scope.account,
        table.c.region == key.scope.region,
        table.c.noun == key.noun,
        table.c.name == key.name,
    )


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    table = tables.resource.c
    conditions = [table.account == query.scope.account, table.region == query.scope.region, table.noun == query.noun]
    if query.name_contains is not None:
        wanted = func.lower(table.name).contains(query.name_contains.lower(), autoescape=True)
        conditions.append(wanted)
    if query.status is not None:
        conditions.append(table.status == query.status)
    if query.created_after is not None:
        conditions.append(table.created_at > query.created_after)
    if query.created_before is not None:
        conditions.append(table.created_at < query.created_before)
    if query.modified_after is not None:
        conditions.append(table.modified_at > query.modified_after)
    if query.modified_before is not None:
        conditions.append(table.modified_at < query.modified_before)
    return conditions


def _behind(query: Query, after: Position) -> ColumnElement[bool]:
    value, last_name = after
    column, name = tables.resource.c[query.sort], tables.resource.c.name
    if query.descending:
        return or_(column < value, and_(column == value, name < last_name))
    return or_(column > value, and_(column == value, name > last_name))


def _append(connection: Connection, resource: Resource, transition: Transition | None) -> None:
    if transition is not None:
        row = {"uid": resource.uid, "at": transition.at, "event": transition.event, "detail": dict(transition.detail)}
        connection.execute(insert(tables.transition).values(row))


def _uid_of(connection: Connection, arn: str) -> str | None:
    return connection.execute(select(tables.resource.c.uid).where(tables.resource.c.arn == arn)).scalars().first()


def _require_uid(connection: Connection, arn: str) -> str:
    uid = _uid_of(connection, arn)
    if uid is None:
        raise Missing(arn)
    return uid


def _put_tags(connection: Connection, uid: str, tags: Mapping[str, str]) -> None:
    table = tables.tag
    if not tags:
        return
    highest = connection.execute(select(func.max(table.c.position)).where(table.c.uid == uid)).scalar()
    for position, (key, value) in enumerate(tags.items(), start=(highest or 0) + 1):
        known = sql_update(table).where(table.c.uid == uid, table.c.key == key).values(value=value)
        if connection.execute(known).rowcount == 0:
            connection.execute(insert(table).values(uid=uid, position=position, key=key, value=value))
