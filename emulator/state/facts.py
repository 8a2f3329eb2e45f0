"""The facts of resources, in tables: written with each change of a resource, in its transaction."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, delete, insert, literal_column, select

from emulator.arns import Scope
from emulator.state import tables
from emulator.state.search import TAGS, Fact
from emulator.state.store import Document, Key, Resource

NO_NUMBER = sys.float_info.max
"""Stands for the number of what is none: behind every other, and a value that any database can hold and compare."""

_TAG = -1
"""The position of tags' facts: apart from those of a property that is called like a tag's."""


class Findable(Protocol):
    """Tells what resources can be found by."""

    def properties(self, resource: Resource) -> Document:
        """The properties of a resource, by name; their facts are those of each."""
        ...

    def facts(self, name: str, value: Any) -> Iterable[Fact]:
        """The facts of one property. No two properties have facts of one name."""
        ...


class Unfindable:
    """A `Findable` of resources that nobody looks for."""

    def properties(self, _resource: Resource) -> Document:
        return {}

    def facts(self, _name: str, _value: Any) -> Iterable[Fact]:
        return ()


_Place = tuple[int, int, int]
"""Field, position and part."""
_Placed = dict[_Place, tuple[float, str]]

_fact = tables.fact.c
_ADD = insert(tables.fact)
_REMOVE = delete(tables.fact).where(
    _fact.serial == bindparam("its_serial"),
    _fact.field == bindparam("its_field"),
    _fact.position == bindparam("its_position"),
    _fact.part == bindparam("its_part"),
)


class Facts:
    """Writes facts. The numbers of their names are remembered, since each resource has dozens."""

    def __init__(self, findable: Findable) -> None:
        self._findable = findable
        self._fields: dict[tuple[Scope, str], dict[str, int]] = {}

    def forget(self) -> None:
        """Fields may be gone: all of them were removed, or a transaction that made some was undone."""
        self._fields.clear()

    def write(self, connection: Connection, serial: int, resource: Resource, tags: Mapping[str, str]) -> None:
        """The facts of a resource that has none yet."""
        placed = self._placed(connection, resource.key, self._findable.properties(resource))
        _insert(connection, serial, placed | self._of_tags(connection, resource.key, tags))

    def write_change(self, connection: Connection, serial: int, before: Resource, after: Resource) -> None:
        """What a change of a resource makes different."""
        was, now = self._findable.properties(before), self._findable.properties(after)
        gone = {name: value for name, value in was.items() if now.get(name) != value}
        came = {name: value for name, value in now.items() if was.get(name) != value}
        _change(
            connection,
            serial,
            self._placed(connection, after.key, gone),
            self._placed(connection, after.key, came),
        )

    def write_tags(
        self, connection: Connection, serial: int, key: Key, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        """What a change of a resource's tags makes different."""
        _change(connection, serial, self._of_tags(connection, key, before), self._of_tags(connection, key, after))

    def _placed(self, connection: Connection, key: Key, properties: Document) -> _Placed:
        placed: _Placed = {}
        fields = self._fields_of(key)
        for name, value in properties.items():
            for fact in self._findable.facts(name, value):
                field = fields.get(fact.name) or self._field(connection, key, fact.name)
                part = 0
                while (field, fact.position, part) in placed:
                    part += 1
                placed[field, fact.position, part] = (NO_NUMBER if fact.number is None else fact.number, fact.text)
        return placed

    def _of_tags(self, connection: Connection, key: Key, tags: Mapping[str, str]) -> _Placed:
        fields = {self._field(connection, key, TAGS + name): value for name, value in tags.items()}
        return {(field, _TAG, 0): (NO_NUMBER, value) for field, value in fields.items()}

    def _fields_of(self, key: Key) -> dict[str, int]:
        return self._fields.setdefault((key.scope, key.noun), {})

    def _field(self, connection: Connection, key: Key, name: str) -> int:
        fields = self._fields_of(key)
        if name not in fields:
            field = Key(key.scope, key.noun, name)
            fields[name] = field_of(connection, field) or _add_field(connection, field)
        return fields[name]


def unlisted(fact: FromClause) -> ColumnElement[bool]:
    """The facts that are in no list. Written out, not as a parameter: a database then sees that its index has them."""
    bound: ColumnElement[int] = literal_column("0")
    return fact.c.position <= bound


def field_of(connection: Connection, field: Key) -> int:
    """The number of the facts with a name, told by the key with that name; 0 when there was never any."""
    table = tables.field.c
    found = select(table.id).where(
        table.account == field.scope.account,
        table.region == field.scope.region,
        table.noun == field.noun,
        table.name == field.name,
    )
    return connection.execute(found).scalar() or 0


def _add_field(connection: Connection, field: Key) -> int:
    scope = field.scope
    row = {"account": scope.account, "region": scope.region, "noun": field.noun, "name": field.name}
    (number,) = connection.execute(insert(tables.field).values(row)).inserted_primary_key or (0,)
    return int(number)


def _change(connection: Connection, serial: int, before: _Placed, after: _Placed) -> None:
    gone = [place for place, value in before.items() if after.get(place) != value]
    if gone:
        places = [
            {"its_serial": serial, "its_field": field, "its_position": position, "its_part": part}
            for field, position, part in gone
        ]
        connection.execute(_REMOVE, places)
    _insert(connection, serial, {place: value for place, value in after.items() if before.get(place) != value})


def _insert(connection: Connection, serial: int, placed: _Placed) -> None:
    rows = [
        {"serial": serial, "field": field, "position": position, "part": part, "number": number, "text": text}
        for (field, position, part), (number, text) in placed.items()
    ]
    if rows:
        connection.execute(_ADD, rows)
