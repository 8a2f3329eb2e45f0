"""InvokeEndpoint while a big object is uploaded, beside the same calls when all is quiet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks import files, invocation, load
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.server import Emulator
from benchmarks.uploading import WAYS, uploading

TIMES = Target("ratio", 3)
CLIENTS = 1
_NAMES = {"upload_file": "upload_file", "put": "one PUT"}
_COPIES = 4
"""How often the object lies on the disk: source, the old one, and the new one whole and in parts."""

Windows = list[tuple[float, float]]


def measure(plan: Plan) -> Iterable[Figure]:
    """The p99 in windows that alternate, on each engine and for each way to upload."""
    size = plan.sizes.upload
    if not plan.has_room("InvokeEndpoint under an upload", _COPIES * size):
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        source = Path(directory) / "source"
        files.make(source, size)
        for engine in plan.engines:
            with invocation.hosted(engine) as emulator:
                windows = _measured(plan, emulator, source)
            for way, found in windows.items():
                during, quiet = (median(column) for column in zip(*found, strict=True))
                name = f"invocation p99 under {_NAMES[way]} of {size / 1e6:g} MB, {engine}"
                yield Figure(name, "ms", during, "quiet", quiet, TIMES)


def _measured(plan: Plan, emulator: Emulator, source: Path) -> dict[str, Windows]:
    found: dict[str, Windows] = {way: [] for way in WAYS}
    _p99(emulator, min(plan.seconds, invocation.WARM_UP_SECONDS))
    for _ in plan.each_round(f"invocations under an upload, {emulator.engine}"):
        for way in WAYS:
            files.settle()
            quiet = _p99(emulator, plan.seconds)
            with uploading(way, emulator.port, source):
                during = _p99(emulator, plan.seconds)
            found[way].append((during, quiet))
    return found


def _p99(emulator: Emulator, seconds: float) -> float:
    return load.run(("127.0.0.1", emulator.port), invocation.through_the_emulator(), CLIENTS, seconds).p99
