"""CreateEndpoint to InService, beside the first good ping of the same model without the emulator."""

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

OVERHEAD = Target("difference", 0.2)
_MODEL = "model"


def measure(plan: Plan) -> Iterable[Figure]:
    """Host the model in turn with and without the emulator, each time from nothing."""
    for engine, bare in plan.engines.items():
        with fresh_emulator(engine) as emulator:
            api = Api(emulator.port)
            workload.upload(api)
            workload.train(api, _MODEL)
            workload.create_model(api, _MODEL)
            rounds = plan.each_round(f"hosting, {engine}")
            pairs = [(_endpoint(api, f"round-{number}"), _bare_ping(bare, api)) for number in rounds]
        hosted, alone = (median(column) for column in zip(*pairs, strict=True))
        target = OVERHEAD if engine == "docker" else None
        yield Figure(f"endpoint in service, {engine}", "s", hosted, f"{bare.name}'s first ping", alone, target)


def _endpoint(api: Api, name: str) -> float:
    began = time.perf_counter()
    seconds = workload.create_endpoint(api, name, _MODEL) - began
    workload.delete_endpoint(api, name)
    return seconds


def _bare_ping(bare: Bare, api: Api) -> float:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return bare.first_ping(workload.lay_out_model(Path(directory) / "endpoint", api, _MODEL))
