"""Finding resources by their facts.

There are two ways. A search that few resources can match *gathers* these and sorts them; any other *walks* through all
in the order asked for and stops when it has a page. Counting up to a bound tells which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    union,
)

from emulator.state import tables
from emulator.state.facts import NO_NUMBER, field_of, unlisted
from emulator.state.search import (
    Anything,
    Condition,
    Containing,
    Element,
    Every,
    Has,
    Mark,
    Not,
    Numbers,
    Search,
    Some,
    Test,
    Texts,
)
from emulator.state.store import Key

_FEW = 12_000
"""So many resources are gathered and sorted sooner than a walk finds a page among them in a bad order."""
_VERY_FEW = 200
"""Nothing fewer is worth looking for."""

_NOTHING = Every(())
"""The condition that everything satisfies."""


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Statements that find every resource a condition can hold for, ``count`` of them or more, and what they leave
    to be tested."""

    count: int
    found_by: tuple[Select[tuple[int]], ...] = ()
    rest: Condition = _NOTHING


_ANYBODY = _Candidates(_FEW)


class Searching:
    """One search on one connection."""

    def __init__(self, connection: Connection, search: Search) -> None:
        self._connection = connection
        self._search = search
        self._fields: dict[str, int] = {}
        self._sort = self._field(search.sort)

    def marks(self, limit: int, after: Mark | None) -> list[Mark]:
        """The places of at most ``limit`` results, those behind ``after``."""
        candidates = self._candidates(self._search.condition)
        if candidates.count < _FEW:
            return self._gather(candidates, limit, after)
        found = [] if after is not None and after.text is None else self._walk(limit, after)
        if len(found) < limit:
            found += self._walk_without_value(limit - len(found), after)
        return found

    def _gather(self, candidates: _Candidates, limit: int, after: Mark | None) -> list[Mark]:
        (first, *others) = candidates.found_by
        these = (union(first, *others) if others else first.distinct()).subquery()
        serial, sort = these.c.serial, tables.fact.alias()
        joined = these.outerjoin(sort, and_(sort.c.serial == serial, sort.c.field == self._sort))
        valueless = case((sort.c.serial.is_(None), 1), else_=0)
        order = (sort.c.number, sort.c.text, serial)
        found = (
            select(serial, sort.c.number, sort.c.text).select_from(joined).where(self._holds(candidates.rest, serial))
        )
        if after is not None and after.text is None:
            found = found.where(valueless == 1, self._behind((serial,), (after.serial,)))
        elif after is not None:
            found = found.where(or_(valueless == 1, self._behind(order, (after.number, after.text, after.serial))))
        return self._marks(found.order_by(valueless, *self._ordered(order)), limit)

    def _walk(self, limit: int, after: Mark | None) -> list[Mark]:
        """Through the resources that have the value they are sorted by."""
        sort = tables.fact.alias()
        order = (sort.c.number, sort.c.text, sort.c.serial)
        found = select(sort.c.serial, sort.c.number, sort.c.text).where(sort.c.field == self._sort, unlisted(sort))
        found = found.where(self._holds(self._search.condition, sort.c.serial))
        if after is not None:
            found = found.where(self._behind(order, (after.number, after.text, after.serial)))
        return self._marks(found.order_by(*self._ordered(order)), limit)

    def _walk_without_value(self, limit: int, after: Mark | None) -> list[Mark]:
        search, table = self._search, tables.resource.c
        found = select(table.serial, literal(None), literal(None)).where(
            table.account == search.scope.account,
            table.region == search.scope.region,
            table.noun == search.noun,
            not_(self._has(self._sort, Anything(), table.serial)),
            self._holds(search.condition, table.serial),
        )
        if after is not None and after.text is None:
            found = found.where(self._behind((table.serial,), (after.serial,)))
        return self._marks(found.order_by(*self._ordered((table.serial,))), limit)

    def _marks(self, found: Select[Any], limit: int) -> list[Mark]:
        return [Mark(number, text, serial) for serial, number, text in self._connection.execute(found.limit(limit))]

    def _ordered(self, columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
        return [column.desc() for column in columns] if self._search.descending else list(columns)

    def _behind(self, columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
        # Rows are compared whole, which lets a database begin there in its index.
        place = tuple_(*values, types=[column.type for column in columns])
        return tuple_(*columns) < place if self._search.descending else tuple_(*columns) > place

    def _candidates(self, condition: Condition) -> _Candidates:
        match condition:
            case Has(listed=True) | Not():
                return _ANYBODY
            case Has(name, test):
                passing = (*self._passes(tables.fact, name, test), unlisted(tables.fact))
                return self._counted(select(tables.fact.c.serial).where(*passing))
            case Every(conditions):
                return self._fewest(conditions)
            case Some(conditions):
                return self._all_of(condition, conditions)
            case Element():
                return _ANYBODY

    def _counted(self, found: Select[tuple[int]]) -> _Candidates:
        counted = select(func.count()).select_from(found.limit(_FEW).subquery())
        return _Candidates(self._connection.execute(counted).scalar_one(), (found,))

    def _fewest(self, conditions: Sequence[Condition]) -> _Candidates:
        """Those of the condition that fewest can satisfy; all others are left to be tested."""
        best, of = _ANYBODY, -1
        for number, condition in enumerate(conditions):
            found = self._candidates(condition)
            if found.count < best.count:
                best, of = found, number
            if best.count <= _VERY_FEW:
                break
        others = (condition for number, condition in enumerate(conditions) if number != of)
        left = tuple(condition for condition in (best.rest, *others) if condition != _NOTHING)
        return _Candidates(best.count, best.found_by, Every(left))

    def _all_of(self, condition: Condition, conditions: Sequence[Condition]) -> _Candidates:
        """Those of all conditions together, if they are few."""
        count, exact = 0, True
        found_by: tuple[Select[tuple[int]], ...] = ()
        for each in conditions:
            found = self._candidates(each)
            count, found_by = count + found.count, (*found_by, *found.found_by)
            exact = exact and found.rest == _NOTHING
            if count >= _FEW:
                return _ANYBODY
        return _Candidates(count, found_by, _NOTHING if exact else condition)

    def _holds(self, condition: Condition, serial: ColumnElement[int]) -> ColumnElement[bool]:
        match condition:
            case Has(name, test):
                return self._has(self._field(name), test, serial)
            case Not(inner):
                return not_(self._holds(inner, serial))
            case Every(conditions):
                return and_(true(), *(self._holds(each, serial) for each in conditions))
            case Some(conditions):
                return or_(false(), *(self._holds(each, serial) for each in conditions))
            case Element(name, conditions):
                one = tables.fact.alias()
                inside = (self._holds_at(one, each) for each in conditions)
                return select(1).where(one.c.serial == serial, one.c.field == self._field(name), *inside).exists()

    def _holds_at(self, one: FromClause, condition: Has | Not) -> ColumnElement[bool]:
        match condition:
            case Has(name, test):
                fact = tables.fact.alias()
                found = select(1).where(fact.c.serial == one.c.serial, *self._passes(fact, name, test))
                return found.where(fact.c.position == one.c.position).exists()
            case Not(inner):
                assert isinstance(inner, Has), "conditions on an element are simple"
                return not_(self._holds_at(one, inner))

    def _has(self, field: int, test: Test, serial: ColumnElement[int]) -> ColumnElement[bool]:
        fact = tables.fact.alias()
        return select(1).where(fact.c.serial == serial, fact.c.field == field, *_passes(fact, test)).exists()

    def _passes(self, fact: FromClause, name: str, test: Test) -> list[ColumnElement[bool]]:
        return [fact.c.field == self._field(name), *_passes(fact, test)]

    def _field(self, name: str) -> int:
        if name not in self._fields:
            key = Key(self._search.scope, self._search.noun, name)
            self._fields[name] = field_of(self._connection, key)
        return self._fields[name]


def _passes(fact: FromClause, test: Test) -> list[ColumnElement[bool]]:
    match test:
        case Texts(texts):
            return [fact.c.number == NO_NUMBER, fact.c.text.in_(sorted(texts))]
        case Containing(text):
            # LIKE would ignore the case of letters in some databases, and not in others.
            return [func.replace(fact.c.text, text, "") != fact.c.text]
        case Numbers():
            return _between(fact.c.number, test)
        case Anything():
            return []


def _between(number: ColumnElement[float], test: Numbers) -> list[ColumnElement[bool]]:
    bounds = [number < NO_NUMBER]
    if test.low is not None:
        bounds.append(number > test.low if test.low_open else number >= test.low)
    if test.high is not None:
        bounds.append(number < test.high if test.high_open else number <= test.high)
    return bounds
