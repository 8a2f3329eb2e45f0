"""CreateTrainingJob to Completed, beside the same training without the emulator."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks import workload
from benchmarks.api import Api
from benchmarks.bare import Bare
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.server import fresh_emulator

OVERHEAD = Target("difference", 0.25)


def measure(plan: Plan) -> Iterable[Figure]:
    """Train in turn with and without the emulator. Its first job, which loads what later ones find, stands apart."""
    for engine, bare in plan.engines.items():
        with fresh_emulator(engine) as emulator:
            api = Api(emulator.port)
            workload.upload(api)
            _bare_job(bare)  # so that the system holds the program's files in memory for whoever comes next
            first = _job(api, "first")
            pairs = [
                (_job(api, f"round-{number}"), _bare_job(bare)) for number in plan.each_round(f"training, {engine}")
            ]
        jobs, alone = (median(column) for column in zip(*pairs, strict=True))
        yield Figure(f"training job, {engine}", "s", jobs, bare.name, alone, OVERHEAD if engine == "docker" else None)
        yield Figure(f"the first job after a start, {engine}", "s", first, bare.name, alone)


def _job(api: Api, name: str) -> float:
    began = time.perf_counter()
    return workload.train(api, name) - began


def _bare_job(bare: Bare) -> float:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return bare.train(workload.lay_out_training(Path(directory) / "job"))
