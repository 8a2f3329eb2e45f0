"""The facts of a property: every value in it under its dotted name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import regex

from emulator.sagemaker.search.properties import HYPERPARAMETERS, METRICS
from emulator.state.search import Fact

_NUMBER = regex.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", regex.ASCII)


def facts_of(name: str, value: Any) -> Iterator[Fact]:
    """The facts of one property of a resource as a search shows it.

    Each structure of a list has a fact under the list's own name, so that one can ask for those that lack something.
    """
    if name == "HyperParameters":
        yield from (Fact(HYPERPARAMETERS + key, text, number(text)) for key, text in value.items())
        return
    yield from _flat(name, value)
    if name == "FinalMetricDataList":
        for metric in value:
            yield from _flat(METRICS + metric["MetricName"], metric["Value"])


def number(text: str) -> float | None:
    """The decimal number that a text is, or None."""
    if _NUMBER.fullmatch(text) is None:
        return None
    found = float(text)
    return found if math.isfinite(found) else None


def _flat(name: str, value: Any, position: int | None = None) -> Iterator[Fact]:
    """``position`` is that of the element of a list in which the value is, if it is in one."""
    match value:
        case dict():
            for member, inner in value.items():
                yield from _flat(f"{name}.{member}", inner, position)
        case list() | tuple():
            for index, element in enumerate(value, start=1):
                if isinstance(element, dict) and position is None:
                    yield Fact(name, position=index)
                yield from _flat(name, element, index if position is None else position)
        case bool():
            yield Fact(name, "true" if value else "false", position=position or 0)
        case int() | float() if math.isfinite(value):
            yield Fact(name, number=value, position=position or 0)
        case str():
            yield Fact(name, value, position=position or 0)
