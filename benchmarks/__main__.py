"""``python -m benchmarks``: measure and print one table."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import hosting, invocation, listing, queue, report, s3, startup, training
from benchmarks.figure import Figure
from benchmarks.plan import ENGINES, SIZES, Plan, Sizes, plan, say

PARTS: Mapping[str, Callable[[Plan], Iterable[Figure]]] = {
    "start": startup.measure,
    "training": training.measure,
    "queue": queue.measure,
    "hosting": hosting.measure,
    "invocation": invocation.measure,
    "s3": s3.measure,
    "listing": listing.measure,
}


def main(arguments: Sequence[str] | None = None, sizes: Sizes = SIZES) -> None:
    """Measure what the command line asks for."""
    asked = _parser().parse_args(arguments)
    run = plan(asked.engine or ENGINES, asked.rounds, asked.seconds, sizes)
    figures = [figure for part in asked.parts or PARTS for figure in PARTS[part](run)]
    say("")
    print("\n".join([*report.lines(figures), *run.left_out]))
    if asked.json is not None:
        report.write(asked.json, figures, run.left_out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the emulator, each figure beside its reference in the same run. Figures are medians of "
        "rounds in which the two alternate; a busy machine makes all of them worse, and the ratios less.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="may be repeated (default: both)")
    parser.add_argument("--rounds", type=int, default=5, help="how often (default: 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each load lasts (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser


if __name__ == "__main__":
    main()
