"""A measured figure beside its reference, and whether it meets its target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Measure = Literal["value", "difference", "ratio"]
"""What a target speaks of: the emulator's own value, what it adds to the reference, or how it compares with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bound, in the figure's unit unless it is a ratio."""

    measure: Measure
    bound: float
    at_least: bool = False

    def is_met(self, figure: Figure) -> bool:
        """Whether the figure is on the right side of the bound."""
        found = figure.compared(self.measure)
        return found >= self.bound if self.at_least else found <= self.bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: what was measured of the emulator (``value``) and of ``reference_name``."""

    name: str
    unit: str
    value: float
    reference_name: str
    reference: float
    target: Target | None = None

    def compared(self, measure: Measure) -> float:
        """The figure as a measure that a target can speak of."""
        match measure:
            case "value":
                return self.value
            case "difference":
                return self.value - self.reference
            case "ratio":
                return self.value / self.reference if self.reference else math.inf

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        return None if self.target is None else self.target.is_met(self)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that ``share`` (0 to 1) of them do not exceed: the nearest-rank method."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
