"""The LogSink and MetricSink ports: where containers' lines and measured values go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from emulator.arns import Scope


class Line(Protocol):
    """One line of output. ``at`` is in seconds since the epoch; ``text`` has no line end."""

    @property
    def at(self) -> float: ...

    @property
    def text(self) -> str: ...


Stamped = tuple[int, str]
"""A text and its moment, in milliseconds since the epoch: as exact as CloudWatch is."""


def milliseconds(at: float) -> int:
    """Seconds as the sinks keep them."""
    return int(at * 1000)


@dataclass(frozen=True, slots=True)
class Datum:
    """One measured value. ``at`` is in seconds since the epoch, ``unit`` one of CloudWatch's (``None`` means none)."""

    name: str
    value: float
    at: float
    dimensions: Mapping[str, str] = field(default_factory=dict)
    unit: str = "None"


@dataclass(frozen=True, slots=True)
class StatisticSet:
    """Many values of one metric as CloudWatch sums them up. ``at`` is in seconds since the epoch."""

    name: str
    total: float
    minimum: float
    maximum: float
    count: int
    at: float
    dimensions: Mapping[str, str] = field(default_factory=dict)
    unit: str = "None"


class LogSink(Protocol):
    """Keeps log lines by group and stream. May be called from any thread."""

    def write(self, scope: Scope, group: str, stream: str, lines: Sequence[Line]) -> None:
        """Append ``lines`` in order; group and stream are made when they do not exist, also for no lines."""
        ...

    def written(self, scope: Scope, group: str, stream: str) -> Collection[Stamped]:
        """Every line of a stream, which need not exist."""
        ...


class MetricSink(Protocol):
    """Keeps measured values by namespace. May be called from any thread."""

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum | StatisticSet]) -> None:
        """Record ``data``."""
        ...

    def recorded(self, scope: Scope, namespace: str, dimensions: Mapping[str, str]) -> Collection[Stamped]:
        """The metrics' names of everything that was recorded with these very dimensions."""
        ...
