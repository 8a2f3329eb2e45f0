"""What a program and everything it started use, from Linux's /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from emulator.engines.port import ContainerGone, Usage

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Process:
    id: int
    parent: int
    ticks: int
    """CPU time, that of ended children it has waited for included."""
    pages: int


def measure(program: int) -> Usage:
    """The usage of the process ``program`` and its descendants; memory they share is counted for each of them.

    Raises `ContainerGone` when there is no such process.
    """
    running = {process.id: process for process in _all()}
    if program not in running:
        raise ContainerGone("The process does not run any more, so it uses nothing.")
    tree = list(_tree(running, program))
    ticks, pages = sum(process.ticks for process in tree), sum(process.pages for process in tree)
    return Usage(time.time(), ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"), None)


def _all() -> Iterator[_Process]:
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                yield _read(int(entry.name), (entry / "stat").read_text(errors="replace"))


def _read(id: int, stat: str) -> _Process:
    # The second field is the program's name in parentheses and may contain anything; proc(5) counts fields from 1.
    fields = stat.rpartition(")")[2].split()
    parent, *times, pages = (int(fields[number - 3]) for number in (4, 14, 15, 16, 17, 24))
    return _Process(id, parent, sum(times), pages)


def _tree(running: dict[int, _Process], root: int) -> Iterator[_Process]:
    yield running[root]
    for process in running.values():
        if process.parent == root:
            yield from _tree(running, process.id)
