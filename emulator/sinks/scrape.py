"""Metrics out of log lines: MetricDefinitions searched in everything a container prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CONTROL = str.maketrans({"\t": "#011", "\r": "#015"})


def escape(text: str) -> str:
    """A line as the service shows it: a TAB becomes ``#011`` and a carriage return ``#015``."""
    return text.translate(_CONTROL)


@dataclass(frozen=True, slots=True)
class Definition:
    """One MetricDefinition."""

    name: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """One value found in a line; ``at`` in seconds since the epoch."""

    name: str
    value: float
    at: float


def definitions(documents: Sequence[Mapping[str, str]]) -> tuple[Definition, ...]:
    """Compile MetricDefinitions. Raises `re.error` for an expression that does not compile."""
    return tuple(Definition(document["Name"], re.compile(document["Regex"])) for document in documents)


class Scraper:
    """Finds the values of metric definitions in lines and remembers the last of each."""

    def __init__(self, wanted: Sequence[Definition]) -> None:
        self._wanted = wanted
        self.last: dict[str, Reading] = {}

    def feed(self, text: str, at: float) -> list[Reading]:
        """The readings of one raw line. An expression may be written for the raw or for the escaped line."""
        escaped = escape(text)
        found = []
        for definition in self._wanted:
            match = definition.regex.search(escaped) or (definition.regex.search(text) if escaped != text else None)
            value = _number(match)
            if value is not None:
                reading = Reading(definition.name, value, at)
                self.last[definition.name] = reading
                found.append(reading)
        return found


def _number(match: re.Match[str] | None) -> float | None:
    if match is None or not match.re.groups or match[1] is None:
        return None
    try:
        # An escaped TAB ends a word as the TAB itself would: `(\S+)` means the number before it.
        return float(match[1].partition("#011")[0])
    except ValueError:
        return None
