"""One filter of a search: its operator and value, read as the kind of its property demands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws.timestamps import read_iso8601
from emulator.errors import ValidationException
from emulator.sagemaker.search.flatten import number
from emulator.sagemaker.search.properties import Property
from emulator.state.search import Anything, Containing, Has, Not, Numbers, Test, Texts

_ORDERS = frozenset({"GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"})
_TEXTS = frozenset({"Contains", "In"})


def condition_of(asked: Mapping[str, Any], of: Property) -> Has | Not:
    """The condition of a filter on a property. Raises ValidationException.

    A resource without the property satisfies NotEquals and NotExists, and nothing else; letters are compared with
    their case. Neither is documented.
    """
    operator = asked.get("Operator", "Equals")
    if operator == "Exists":
        return _has(of, Anything())
    if operator == "NotExists":
        return Not(_has(of, Anything()))
    if "Value" not in asked:
        raise ValidationException(f"A filter with the operator {operator} must have a Value: {of.name}")
    if operator == "NotEquals":
        return Not(_has(of, _test("Equals", asked["Value"], of)))
    return _has(of, _test(operator, asked["Value"], of))


def _has(of: Property, test: Test) -> Has:
    return Has(of.name, test, of.listed)


def _test(operator: str, value: str, of: Property) -> Test:
    if operator in _TEXTS and of.kind not in ("text", "hyperparameter"):
        raise ValidationException(f"The operator {operator} is only supported for text properties: {of.name}")
    if operator in _ORDERS and of.kind in ("text", "boolean"):
        raise ValidationException(f"The operator {operator} is not supported for text properties: {of.name}")
    if operator == "Contains":
        return Containing(value)
    if operator == "In":
        return _one_of([part.strip() for part in value.split(",")], of)
    return _COMPARE[of.kind](operator, value, of.name)


def _one_of(texts: list[str], of: Property) -> Texts:
    numbers = map(number, texts) if of.kind == "hyperparameter" else ()
    return Texts(frozenset(texts), frozenset(each for each in numbers if each is not None))


def _text(_operator: str, value: str, _name: str) -> Test:
    return Texts(frozenset({value}))


def _boolean(_operator: str, value: str, name: str) -> Test:
    if value.lower() not in ("true", "false"):
        raise _unreadable(value, "true or false", name)
    return Texts(frozenset({value.lower()}))


def _number(operator: str, value: str, name: str) -> Test:
    found = number(value)
    if found is None:
        raise _unreadable(value, "a number", name)
    return _range(operator, found)


def _timestamp(operator: str, value: str, name: str) -> Test:
    try:
        return _range(operator, read_iso8601(value))
    except (ValueError, OverflowError):
        raise _unreadable(value, "a date and time as YYYY-mm-dd'T'HH:MM:SS", name) from None


def _hyperparameter(operator: str, value: str, name: str) -> Test:
    """Hyperparameters are texts that may be numbers; beside a number they are compared as such."""
    found = number(value)
    if found is None:
        if operator in _ORDERS:
            raise _unreadable(value, "a number", name)
        return Texts(frozenset({value}))
    return _whole_range(operator, int(value)) if value.lstrip("+-").isdecimal() else _range(operator, found)


_COMPARE: Mapping[str, Callable[[str, str, str], Test]] = {
    "text": _text,
    "boolean": _boolean,
    "number": _number,
    "timestamp": _timestamp,
    "hyperparameter": _hyperparameter,
}


def _range(operator: str, value: float) -> Numbers:
    match operator:
        case "GreaterThan":
            return Numbers(low=value, low_open=True)
        case "GreaterThanOrEqualTo":
            return Numbers(low=value)
        case "LessThan":
            return Numbers(high=value, high_open=True)
        case "LessThanOrEqualTo":
            return Numbers(high=value)
        case _:
            return Numbers(low=value, high=value)


def _whole_range(operator: str, value: int) -> Numbers:
    """As the API documents: beside an integer, decimal hyperparameters count as integers.

    Their fraction is cut off, so that 0.5 and -0.5 equal 0 (how the service rounds is not documented).
    """
    match operator:
        case "GreaterThan":
            return _at_least(value + 1)
        case "GreaterThanOrEqualTo":
            return _at_least(value)
        case "LessThan":
            return _at_most(value - 1)
        case "LessThanOrEqualTo":
            return _at_most(value)
        case _:
            low, high = _at_least(value), _at_most(value)
            return Numbers(low.low, high.high, low.low_open, high.high_open)


def _at_least(whole: int) -> Numbers:
    return Numbers(low=float(whole)) if whole > 0 else Numbers(low=float(whole - 1), low_open=True)


def _at_most(whole: int) -> Numbers:
    return Numbers(high=float(whole)) if whole < 0 else Numbers(high=float(whole + 1), high_open=True)


def _unreadable(value: str, what: str, name: str) -> ValidationException:
    # The service's wording is unverified.
    return ValidationException(f"The value '{value}' of the filter on {name} must be {what}.")
