"""A SearchExpression, read as the condition it states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.errors import ValidationException
from emulator.sagemaker.search.comparison import condition_of
from emulator.sagemaker.search.properties import Properties
from emulator.state.search import TAGS, Anything, Condition, Element, Every, Has, Not, Some, Texts

_MOST_CLAUSES = 50
_DEEPEST = 25
"""Levels of SubExpressions: SQLite's parser gives up at some 35. The service's limit is not documented."""

Expression = Mapping[str, Any]


def read(expression: Expression, properties: Properties) -> Condition:
    """The condition of a whole expression. Raises ValidationException for one that cannot be asked."""
    if _is_deeper(expression, _DEEPEST):
        raise ValidationException(f"A SearchExpression can have at most {_DEEPEST} levels of SubExpressions.")
    clauses = list(_clauses(expression))
    if len(clauses) > _MOST_CLAUSES:  # the service's wording is unverified
        raise ValidationException(
            f"A SearchExpression can have at most {_MOST_CLAUSES} clauses; it has {len(clauses)}."
        )
    contained = Counter(clause["Name"] for clause in clauses if clause.get("Operator") == "Contains")
    if any(times > 1 for times in contained.values()):
        raise ValidationException("'CONTAINS' operator usage limit of 1 exceeded.")
    return _expression(expression, properties)


def visible(conditions: Iterator[Mapping[str, str]] | list[Mapping[str, str]]) -> Condition:
    """What VisibilityConditions let through: who has the tag, with that value; and who has it not."""
    return Every(tuple(_visible(each) for each in conditions))


def _is_deeper(expression: Expression, levels: int) -> bool:
    level = [expression]
    for _ in range(levels + 1):
        level = [inner for each in level for inner in each.get("SubExpressions", ())]
    return bool(level)


def _clauses(expression: Expression) -> Iterator[Mapping[str, Any]]:
    """Every filter of an expression, at whatever depth."""
    yield from expression.get("Filters", ())
    for nested in expression.get("NestedFilters", ()):
        yield from nested["Filters"]
    for inner in expression.get("SubExpressions", ()):
        yield from _clauses(inner)


def _expression(expression: Expression, properties: Properties) -> Condition:
    parts: tuple[Condition, ...] = (
        *(condition_of(each, properties.require(each["Name"])) for each in expression.get("Filters", ())),
        *(_nested(each, properties) for each in expression.get("NestedFilters", ())),
        *(_expression(each, properties) for each in expression.get("SubExpressions", ())),
    )
    if not parts:  # the service's wording is unverified
        raise ValidationException("A SearchExpression must have at least one subexpression, filter, or nested filter.")
    return Some(parts) if expression.get("Operator") == "Or" else Every(parts)


def _nested(asked: Mapping[str, Any], properties: Properties) -> Element:
    name = properties.require_list(asked["NestedPropertyName"])
    for each in asked["Filters"]:
        if not each["Name"].startswith(f"{name}."):  # the service's wording is unverified
            raise ValidationException(f"{each['Name']} is no property of {name}.")
    return Element(name, tuple(condition_of(each, properties.require(each["Name"])) for each in asked["Filters"]))


def _visible(asked: Mapping[str, str]) -> Condition:
    name = asked.get("Key", "")
    if not name.startswith(TAGS):  # the service's wording is unverified
        raise ValidationException(f"The key of a visibility condition must have the form Tags.<key>: {name}")
    return Some((Not(Has(name, Anything())), Has(name, Texts(frozenset({asked.get("Value", "")})))))
