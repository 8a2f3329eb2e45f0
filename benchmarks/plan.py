"""What a run measures: options, and the engines that can be measured here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bare import Bare, bare
from emulator.engines.port import EngineError

ENGINES = ("docker", "process")


@dataclass(frozen=True, slots=True)
class Plan:
    """Engine name to its reference; ``rounds`` of each measurement, which alternate; seconds of each load."""

    engines: dict[str, Bare]
    left_out: Sequence[str]
    rounds: int
    seconds: float

    def each_round(self, what: str) -> Iterator[int]:
        """The numbers of the rounds, shown as they go."""
        for number in range(1, self.rounds + 1):
            say(f"{what}: round {number} of {self.rounds}")
            yield number


def plan(names: Sequence[str], rounds: int, seconds: float) -> Plan:
    """The plan for those of the engines ``names`` that can run here."""
    engines, left_out = {}, []
    for name in names:
        try:
            engines[name] = bare(name)
        except (EngineError, OSError) as error:
            left_out.append(f"The {name} engine is left out: {error}")
    return Plan(engines, left_out, rounds, seconds)


def say(text: str) -> None:
    """Show progress, beside the table on stdout: one line that changes on a terminal, else line by line."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
    else:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
