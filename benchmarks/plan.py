"""What a run measures: options, and the engines that can be measured here."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.bare import Bare, bare
from emulator.engines.port import EngineError

ENGINES = ("docker", "process")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is moved: jobs that are queued, bytes of the object that is sent up and down, keys of a bucket, files of
    a channel and bytes of each, bytes of the upload that invocations meet; and how many jobs are stored, growing."""

    queued: int = 50
    transfer: int = 500 << 20
    keys: int = 10_000
    channel_files: int = 200
    channel_file: int = 10_000_000
    upload: int = 500_000_000
    jobs: tuple[int, ...] = (1_000, 10_000, 100_000)


SIZES = Sizes()


@dataclass(frozen=True, slots=True)
class Plan:
    """Engine name to its reference; ``rounds`` of each measurement, which alternate; seconds of each load."""

    engines: dict[str, Bare]
    left_out: list[str]
    rounds: int
    seconds: float
    sizes: Sizes = field(default=SIZES)

    def each_round(self, what: str, at_most: int | None = None) -> Iterator[int]:
        """The numbers of the rounds, shown as they go; not all of them of something that takes long."""
        rounds = self.rounds if at_most is None else min(self.rounds, at_most)
        for number in range(1, rounds + 1):
            say(f"{what}: round {number} of {rounds}")
            yield number

    def has_room(self, what: str, needed: int) -> bool:
        """Whether the disk has ``needed`` bytes free; what it has no room for is said to be left out."""
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if free < needed:
            where = f"{tempfile.gettempdir()} has {free / 1e9:.1f}"
            self.left_out.append(f"{what} is left out: it needs {needed / 1e9:.1f} GB of disk, and {where}.")
        return free >= needed


def plan(names: Sequence[str], rounds: int, seconds: float, sizes: Sizes = SIZES) -> Plan:
    """The plan for those of the engines ``names`` that can run here."""
    engines: dict[str, Bare] = {}
    left_out: list[str] = []
    for name in names:
        try:
            engines[name] = bare(name)
        except (EngineError, OSError) as error:
            left_out.append(f"The {name} engine is left out: {error}")
    return Plan(engines, left_out, rounds, seconds, sizes)


def say(text: str) -> None:
    """Show progress, beside the table on stdout: one line that changes on a terminal, else line by line."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
    else:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
