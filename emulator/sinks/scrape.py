"""Metrics out of log lines: MetricDefinitions searched in everything a container prints."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import regex

log = logging.getLogger(__name__)

# An expression with nested repeats can take for ever on one line. `re` cannot be interrupted and would hold up the
# whole emulator; `regex` gives up after this many seconds and lets other threads run meanwhile.
_SEARCH_SECONDS = 1.0

_CONTROL = str.maketrans({"\t": "#011", "\r": "#015"})


def escape(text: str) -> str:
    """A line as the service shows it: a TAB becomes ``#011`` and a carriage return ``#015``."""
    return text.translate(_CONTROL)


@dataclass(frozen=True, slots=True)
class Definition:
    """One MetricDefinition."""

    name: str
    pattern: regex.Pattern[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """One value found in a line; ``at`` in seconds since the epoch."""

    name: str
    value: float
    at: float


def definitions(documents: Sequence[Mapping[str, str]]) -> tuple[Definition, ...]:
    """Compile MetricDefinitions. Raises `regex.error` for an expression that does not compile."""
    return tuple(Definition(document["Name"], regex.compile(document["Regex"])) for document in documents)


class Scraper:
    """Finds the values of metric definitions in lines and remembers the last of each."""

    def __init__(self, wanted: Sequence[Definition]) -> None:
        self._wanted = list(wanted)
        self.last: dict[str, Reading] = {}

    def feed(self, text: str, at: float) -> list[Reading]:
        """The readings of one raw line. An expression may be written for the raw or for the escaped line."""
        spellings = dict.fromkeys((escape(text), text))
        found = []
        for definition in list(self._wanted):
            value = self._value(definition, spellings)
            if value is not None:
                reading = Reading(definition.name, value, at)
                self.last[definition.name] = reading
                found.append(reading)
        return found

    def _value(self, definition: Definition, spellings: Iterable[str]) -> float | None:
        """The number in the first spelling that has one; an expression that takes too long is given up."""
        search = partial(definition.pattern.search, timeout=_SEARCH_SECONDS, concurrent=True)
        try:
            return next((value for line in spellings if (value := _number(search(line))) is not None), None)
        except TimeoutError:
            log.warning(
                "metric %s is no longer looked for: its expression took more than %s s on one line",
                definition.name,
                _SEARCH_SECONDS,
            )
            self._wanted.remove(definition)
            return None


def _number(match: regex.Match[str] | None) -> float | None:
    if match is None or not match.re.groups or match[1] is None:
        return None
    try:
        # An escaped TAB ends a word as the TAB itself would: `(\S+)` means the number before it.
        value = float(match[1].partition("#011")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) else None  # CloudWatch takes neither NaN nor infinity
