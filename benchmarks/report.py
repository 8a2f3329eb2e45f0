"""The table of figures, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Measure, Target
from emulator.cli.table import table
from emulator.version import __version__

HEADER = ("figure", "unit", "emulator", "reference", "", "added", "ratio", "target", "")
_NAMES: dict[Measure, str] = {"value": "", "difference": "added ", "ratio": "ratio "}


def lines(figures: Iterable[Figure]) -> list[str]:
    """The lines of the table."""
    return table([HEADER, *map(_row, figures)])


def write(path: Path, figures: Sequence[Figure], left_out: Sequence[str]) -> None:
    """Write the figures as JSON, with what one needs to know to compare them with another run's."""
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    document = {
        "version": __version__,
        "machine": machine,
        "figures": [_document(figure) for figure in figures],
        "left_out": list(left_out),
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        figure.unit,
        _number(figure.value),
        _number(figure.reference),
        figure.reference_name,
        f"{figure.compared('difference'):+.{_digits(figure.compared('difference'))}f}",
        f"{figure.compared('ratio'):.2f}",
        "" if figure.target is None else _target(figure.target),
        {True: "met", False: "MISSED", None: ""}[figure.met],
    )


def _document(figure: Figure) -> dict[str, Any]:
    target = figure.target
    return {
        "name": figure.name,
        "unit": figure.unit,
        "emulator": figure.value,
        "reference": figure.reference,
        "reference_name": figure.reference_name,
        "target": None if target is None else _target(target),
        "met": figure.met,
    }


def _target(target: Target) -> str:
    return f"{_NAMES[target.measure]}{'>=' if target.at_least else '<='} {target.bound:g}"


def _number(value: float) -> str:
    return f"{value:.{_digits(value)}f}"


def _digits(value: float) -> int:
    """Three significant digits, roughly: what a noisy machine can tell apart."""
    return 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
