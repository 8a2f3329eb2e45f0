"""Hyperparameters: from the strings of a request to checked values.

The messages are those of the service's own containers, because users and scripts match on them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_container.errors import UserError
from sagemaker_container.interval import Range

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter: how its text is read, which values are allowed, and what else it depends on.

    ``check`` sees the parsed value and all parsed hyperparameters and raises `UserError`. ``aliases`` are further
    names under which the algorithm knows it.
    """

    name: str
    parse: Callable[[str], Any]
    range: Range | None = None
    required: bool = False
    many: bool = False
    check: Callable[[Any, Values], None] | None = None
    aliases: tuple[str, ...] = ()

    def parsed(self, text: str) -> Any:
        try:
            return self.parse(text)
        except (ValueError, SyntaxError, TypeError) as error:
            raise UserError(f"Hyperparameter {self.name}: could not parse value", caused_by=error) from error

    def require_in_range(self, value: Any) -> None:
        elements = flatten(value) if self.many else [value]
        if self.range is not None and any(element not in self.range for element in elements):
            raise UserError(f"Hyperparameter {self.name}: value {value} not in range {self.range}")


def flatten(value: Any) -> list[Any]:
    """The elements of a list, or of a list of lists."""
    return [inner for item in value for inner in (item if isinstance(item, list | tuple) else [item])]


def comma_separated(text: str) -> list[str]:
    return text.split(",")


def literal(text: str) -> Any:
    """A tuple or (nested) list written as Python or JSON. Only literals: nothing is executed."""
    value = ast.literal_eval(text)
    if not isinstance(value, list | tuple):
        raise ValueError(f"not a list: {text}")
    return value


class Hyperparameters:
    """A table of hyperparameters that validates what a job was given."""

    def __init__(self, table: Sequence[Hyperparameter]) -> None:
        self._table = {entry.name: entry for entry in table}
        self._names = {alias: entry.name for entry in table for alias in (entry.name, *entry.aliases)}

    def validate(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Parsed values under their own names (aliases resolved). Raises `UserError` for the first thing wrong."""
        named = {self._names.get(name, name): value for name, value in given.items()}
        self._require_complete(named)
        values = {name: self._entry(name).parsed(text) for name, text in named.items()}
        for name, value in values.items():
            self._table[name].require_in_range(value)
        for name, value in values.items():
            check = self._table[name].check
            if check is not None:
                check(value, values)
        return values

    def _require_complete(self, named: Mapping[str, str]) -> None:
        for entry in self._table.values():
            if entry.required and entry.name not in named:
                raise UserError(f"Missing required hyperparameter: {entry.name}")

    def _entry(self, name: str) -> Hyperparameter:
        try:
            return self._table[name]
        except KeyError:
            raise UserError(f"Extraneous hyperparameter found: {name}") from None
