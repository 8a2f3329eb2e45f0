"""Resources as rows and back, and which rows a key or a query means."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Row, and_, select, tuple_

from emulator.arns import Scope
from emulator.state import tables
from emulator.state.facts import NO_NUMBER, unlisted
from emulator.state.parts import has_part_in_any_case
from emulator.state.store import Key, Position, Query, Resource


def columns(resource: Resource) -> dict[str, Any]:
    """The row of a resource, without its serial."""
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


def resource(row: Row[Any]) -> Resource:
    """The resource of a row."""
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


def is_key(key: Key) -> ColumnElement[bool]:
    """The row of that key."""
    return and_(*of_noun(tables.resource, key.scope, key.noun), tables.resource.c.name == key.name)


def matches(query: Query) -> list[ColumnElement[bool]]:
    """The rows of a query, on whatever page."""
    table = tables.resource.c
    conditions = of_noun(tables.resource, query.scope, query.noun)
    if query.name_contains is not None:
        conditions.append(has_part_in_any_case(table.name, query.name_contains))
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
    return [*conditions, *(_has_text(query, name, text) for name, text in query.texts.items())]


def order(query: Query) -> list[Column[Any]]:
    """The columns by which a query sorts. A name decides among equals, and stands alone where it decides everything."""
    name, column = tables.resource.c.name, tables.resource.c[query.sort]
    return [name] if column is name else [column, name]


def behind(query: Query, after: Position) -> ColumnElement[bool]:
    """The rows behind a position in the order of a query."""
    # Rows are compared whole, which lets a database begin there in its index.
    columns = order(query)
    place = tuple_(*after[-len(columns) :], types=[column.type for column in columns])
    return tuple_(*columns) < place if query.descending else tuple_(*columns) > place


def of_noun(table: FromClause, scope: Scope, noun: str) -> list[ColumnElement[bool]]:
    """The rows of a noun in a scope, of a table that has them."""
    return [table.c.account == scope.account, table.c.region == scope.region, table.c.noun == noun]


def _has_text(query: Query, name: str, text: str) -> ColumnElement[bool]:
    field, fact = tables.field.c, tables.fact.c
    number = select(field.id).where(*of_noun(tables.field, query.scope, query.noun), field.name == name)
    found = select(fact.serial).where(
        fact.field == number.scalar_subquery(), fact.number == NO_NUMBER, fact.text == text, unlisted(tables.fact)
    )
    return tables.resource.c.serial.in_(found)
