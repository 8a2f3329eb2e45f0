"""Sets of allowed hyperparameter values, printable in an error message."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Range(Protocol):
    """Anything that can say whether it holds a value; ``str()`` of it appears in messages."""

    def __contains__(self, value: Any) -> bool: ...


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two bounds, each open, closed or absent: printed as ``(0, 1]`` or ``[1, +inf)``."""

    min_closed: float | None = None
    min_open: float | None = None
    max_closed: float | None = None
    max_open: float | None = None

    def __contains__(self, value: Any) -> bool:
        return not (
            math.isnan(value)
            or (self.min_closed is not None and value < self.min_closed)
            or (self.min_open is not None and value <= self.min_open)
            or (self.max_closed is not None and value > self.max_closed)
            or (self.max_open is not None and value >= self.max_open)
        )

    def __str__(self) -> str:
        return f"{self._lower()}, {self._upper()}"

    def _lower(self) -> str:
        if self.min_closed is not None:
            return f"[{self.min_closed}"
        return f"({self.min_open}" if self.min_open is not None else "(-inf"

    def _upper(self) -> str:
        if self.max_closed is not None:
            return f"{self.max_closed}]"
        return f"{self.max_open})" if self.max_open is not None else "+inf)"


@dataclass(frozen=True, slots=True)
class Checked:
    """Listed names plus whatever ``accepts`` also lets through; it may raise `UserError` with a better message."""

    names: Sequence[str]
    accepts: Callable[[str], bool]

    def __contains__(self, value: Any) -> bool:
        return value in self.names or self.accepts(value)

    def __str__(self) -> str:
        return str(list(self.names))
