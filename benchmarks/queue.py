"""Many training jobs submitted at once, beside the same programs started by hand, as many at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import workload
from benchmarks.api import Api
from benchmarks.bare import Bare
from benchmarks.figure import Figure, Target
from benchmarks.memory import resident
from benchmarks.plan import Plan
from benchmarks.server import Server, fresh_emulator
from emulator.settings import Settings

OVERHEAD = Target("ratio", 1.5)
"""A job does more than its container: it brings the data, keeps the log and metrics and packs the model."""

_MOST_ROUNDS = 1


def measure(plan: Plan) -> Iterable[Figure]:
    """Submit every job, wait for all; then the same by hand."""
    for engine, bare in plan.engines.items():
        count = plan.sizes.queued
        for _ in plan.each_round(f"{count} queued jobs, {engine}", _MOST_ROUNDS):
            with fresh_emulator(engine) as emulator:
                seconds, grown = _queued(emulator, count)
            alone = _by_hand(bare, count)
        yield Figure(f"{count} queued jobs, {engine}", "s", seconds, f"{count} times {bare.name}", alone, OVERHEAD)
        yield Figure(f"memory after {count} jobs, {engine}", "MB", grown[1], "after the first", grown[0])


def _queued(emulator: Server, count: int) -> tuple[float, tuple[float, float]]:
    """Seconds from the first submission to the last end; megabytes before and after."""
    api = Api(emulator.port)
    workload.upload(api)
    workload.train(api, "first")
    before = resident(emulator.pid) / 1e6
    began = time.perf_counter()
    names = [f"queued-{number}" for number in range(count)]
    for name in names:
        api.sagemaker("CreateTrainingJob", **workload.training_request(name))
    ended = max(_ended(api, name) for name in names)
    return ended - began, (before, resident(emulator.pid) / 1e6)


def _ended(api: Api, name: str) -> float:
    return api.wait(
        lambda: api.sagemaker("DescribeTrainingJob", TrainingJobName=name),
        "TrainingJobStatus",
        "Completed",
        "InProgress",
    )


def _by_hand(bare: Bare, count: int) -> float:
    """Seconds for ``count`` runs, as many at a time as the emulator lets run."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        places = [workload.lay_out_training(Path(directory) / str(number)) for number in range(count)]
        began = time.perf_counter()
        with ThreadPoolExecutor(Settings().instances_at_once) as pool:
            list(pool.map(bare.train, places))
        return time.perf_counter() - began
