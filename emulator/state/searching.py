"""Finding resources by their facts.

A search that few resources can match *gathers* these and sorts them. Any other *walks* through all in the order asked
for and stops when it has a page. One that has not met its page soon goes on with the whole set of those that match each
filter: dear to make, and cheap to look into.
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
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from emulator.state import tables
from emulator.state.facts import NO_NUMBER, field_of, unlisted
from emulator.state.parts import has_part
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

_FEW = 2_000
"""Fewer resources are gathered sooner than a walk meets a page of them."""
_SOON = 5_000
"""Resources a walk tests one by one."""
_VERY_FEW = 200
"""Nothing fewer is worth looking for."""

_NOTHING = Every(())
"""The condition that everything satisfies."""


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The resources that a condition can hold for, and what is left to be tested of each. None: too many to tell."""

    serials: frozenset[int] | None
    rest: Condition = _NOTHING

    @property
    def count(self) -> int:
        return _FEW if self.serials is None else len(self.serials)


_ANYBODY = _Candidates(None)


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
        if candidates.serials is not None:
            return self._gather(candidates.serials, candidates.rest, limit, after)
        found = [] if after is not None and after.text is None else self._walk(limit, after)
        if len(found) < limit:
            found += self._walk_without_value(limit - len(found), after)
        return found

    def _gather(self, serials: frozenset[int], rest: Condition, limit: int, after: Mark | None) -> list[Mark]:
        serial, sort = tables.resource.c.serial, tables.fact.alias()
        joined = tables.resource.outerjoin(sort, and_(sort.c.serial == serial, sort.c.field == self._sort))
        valueless = case((sort.c.serial.is_(None), 1), else_=0)
        order = (sort.c.number, sort.c.text, serial)
        found = select(serial, sort.c.number, sort.c.text).select_from(joined)
        found = found.where(serial.in_(serials), self._holds(rest, serial))
        if after is not None and after.text is None:
            found = found.where(valueless == 1, self._behind((serial,), (after.serial,)))
        elif after is not None:
            found = found.where(or_(valueless == 1, self._behind(order, (after.number, after.text, after.serial))))
        return self._marks(found.order_by(valueless, *self._ordered(order)), limit)

    def _walk(self, limit: int, after: Mark | None) -> list[Mark]:
        """Through the resources that have the value they are sorted by."""
        sort = tables.fact.alias()
        order = (sort.c.number, sort.c.text, sort.c.serial)
        rest = select(sort.c.serial, sort.c.number, sort.c.text).where(sort.c.field == self._sort, unlisted(sort))
        rest = rest.order_by(*self._ordered(order))
        if after is not None:
            rest = rest.where(self._behind(order, (after.number, after.text, after.serial)))
        condition = self._search.condition
        soon: list[Mark] = []
        if bound := self._marks(rest.offset(_SOON), 1):
            place = (bound[0].number, bound[0].text, bound[0].serial)
            soon = self._marks(
                rest.where(self._holds(condition, sort.c.serial), not_(self._behind(order, place))), limit
            )
            rest = rest.where(self._behind(order, place))
        if len(soon) == limit:
            return soon
        return soon + self._marks(rest.where(self._holds(condition, sort.c.serial, sets=True)), limit - len(soon))

    def _walk_without_value(self, limit: int, after: Mark | None) -> list[Mark]:
        search, table = self._search, tables.resource.c
        found = select(table.serial, literal(None), literal(None)).where(
            table.account == search.scope.account,
            table.region == search.scope.region,
            table.noun == search.noun,
            not_(self._has(self._sort, Anything(), table.serial)),
            self._holds(search.condition, table.serial, sets=True),
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
            case Has(listed=True) | Not() | Element():
                return _ANYBODY
            case Has(name, test):
                passing = (*self._passes(tables.fact, name, test), unlisted(tables.fact))
                found = select(tables.fact.c.serial).where(*passing).limit(_FEW)
                serials = frozenset(self._connection.execute(found).scalars())
                return _Candidates(serials) if len(serials) < _FEW else _ANYBODY
            case Every(conditions):
                return self._fewest(_merged(conditions))
            case Some(conditions):
                return self._together(condition, conditions)

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
        return _Candidates(best.serials, Every(left))

    def _together(self, condition: Condition, conditions: Sequence[Condition]) -> _Candidates:
        """Those of all conditions together, if they are few."""
        serials: frozenset[int] = frozenset()
        exact = True
        for each in conditions:
            found = self._candidates(each)
            if found.serials is None:
                return _ANYBODY
            serials |= found.serials
            exact = exact and found.rest == _NOTHING
        return _Candidates(serials, _NOTHING if exact else condition) if len(serials) < _FEW else _ANYBODY

    def _holds(self, condition: Condition, serial: ColumnElement[int], *, sets: bool = False) -> ColumnElement[bool]:
        """Whether a resource satisfies a condition; with ``sets`` by looking into all that do."""
        match condition:
            case Has(name, test, listed) if sets and not listed:
                passing = (*self._passes(tables.fact, name, test), unlisted(tables.fact))
                return serial.in_(select(tables.fact.c.serial).where(*passing))
            case Has(name, test):
                return self._has(self._field(name), test, serial)
            case Not(inner):
                return not_(self._holds(inner, serial, sets=sets))
            case Every(conditions):
                return and_(true(), *(self._holds(each, serial, sets=sets) for each in conditions))
            case Some(conditions):
                return or_(false(), *(self._holds(each, serial, sets=sets) for each in conditions))
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


def _merged(conditions: Sequence[Condition]) -> list[Condition]:
    """The same conditions, the ranges of one value as one: each alone can hold for many, and both for few."""
    ranges: dict[str, Numbers] = {}
    others: list[Condition] = []
    for each in conditions:
        if isinstance(each, Has) and isinstance(each.test, Numbers) and not each.listed:
            ranges[each.name] = _both(ranges.get(each.name, Numbers()), each.test)
        else:
            others.append(each)
    return [*(Has(name, test) for name, test in ranges.items()), *others]


def _both(one: Numbers, other: Numbers) -> Numbers:
    lows = [(each.low, each.low_open) for each in (one, other) if each.low is not None]
    highs = [(-each.high, each.high_open) for each in (one, other) if each.high is not None]
    low, low_open = max(lows, default=(None, False))
    high, high_open = max(highs, default=(None, False))
    return Numbers(low, None if high is None else -high, low_open, high_open)


def _passes(fact: FromClause, test: Test) -> list[ColumnElement[bool]]:
    match test:
        case Texts(texts, numbers):
            return [fact.c.number.in_([*sorted(numbers), NO_NUMBER]), fact.c.text.in_(sorted(texts))]
        case Containing(text):
            return [has_part(fact.c.text, text)]
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
