"""JSON and JSON Lines request bodies, in the common inference format of SageMaker's built-in algorithms.

A row is a list of numbers, ``{"features": [...]}`` or ``{"data": {"features": {"values": [...]}}}``. AWS's XGBoost
images read no JSON; their other built-in algorithms read these.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float32]

NUMBERS = frozenset({int, float, type(None)})
"""Exact types: a JSON true would pass for an int by isinstance. null is a missing value."""


def parse_rows(text: str) -> Table:
    """The rows of ``{"instances": [row, ...]}``, of a bare list of rows or of one bare row; null is NaN.

    Raises ValueError when unreadable, OverflowError for a whole number that no float can hold.
    """
    body = json.loads(text)
    if isinstance(body, dict) and "instances" in body:
        body = body["instances"]
        if not isinstance(body, list):
            raise ValueError(f"instances must be a list of rows, not {_kind(body)}")
        return _table(body)
    if isinstance(body, dict) and not body.keys() & {"features", "data"}:
        raise ValueError('the rows must be in "instances"')
    return _table(body if _holds_rows(body) else [body])


def parse_lines(text: str) -> Table:
    """The rows of a body with one row on each line; empty lines do not count. Raises as `parse_rows` does."""
    # Only \n ends a line here: str.splitlines would also cut at characters that JSON allows within strings.
    lines = [line for line in text.split("\n") if line.strip()]
    return _table([_line(number, line) for number, line in enumerate(lines, 1)])


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"row {number}: {error}") from error


def _holds_rows(body: Any) -> bool:
    return isinstance(body, list) and (not body or any(isinstance(item, list | dict) for item in body))


def _table(items: Sequence[Any]) -> Table:
    if not items:
        raise ValueError("there are no rows")
    rows = [_row(number, item) for number, item in enumerate(items, 1)]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ValueError(f"row {number} has {len(row)} features, but row 1 has {len(rows[0])}")
    return np.array(rows, np.float32)


def _row(number: int, item: Any) -> list[float | None]:
    values = _values(number, item) if isinstance(item, dict) else item
    if not isinstance(values, list):
        raise ValueError(f"row {number} must be a list of numbers, not {_kind(values)}")
    if not values:
        raise ValueError(f"row {number} has no features")
    if not NUMBERS.issuperset(map(type, values)):
        wrong = next(value for value in values if type(value) not in NUMBERS)
        raise ValueError(f"row {number} holds {_kind(wrong)}; features must be numbers, or null where missing")
    return values


def _values(number: int, item: dict[str, Any]) -> Any:
    """The numbers of a row that is an object."""
    match item:
        case {"features": list() as values}:
            return values
        case {"data": {"features": {"keys": _}}}:
            # Read as a dense row it would give wrong predictions.
            raise ValueError(f"row {number} is sparse (it has keys), which is not read; send text/libsvm instead")
        case {"data": {"features": {"values": list() as values}}}:
            return values
    raise ValueError(
        f'row {number} must look like {{"features": [...]}} or {{"data": {{"features": {{"values": [...]}}}}}}'
    )


def _kind(value: Any) -> str:
    """What JSON calls the type of a value."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
    return "null"
