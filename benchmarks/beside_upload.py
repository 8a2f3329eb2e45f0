"""InvokeEndpoint while a big object is uploaded, beside the same calls when all is quiet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks import files, invocation, load
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.s3_client import BUCKET, client
from benchmarks.server import Emulator, MotoServer, Server
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
            with invocation.hosted(engine) as emulator, MotoServer() as moto:
                client(moto.port).create_bucket(Bucket=BUCKET)
                windows = _measured(plan, emulator, moto, source)
            for (way, to), found in windows.items():
                during, quiet = (median(column) for column in zip(*found, strict=True))
                elsewhere = "" if to == emulator.port else " to moto_server"
                name = f"invocation p99 under {_NAMES[way]} of {size / 1e6:g} MB{elsewhere}, {engine}"
                yield Figure(name, "ms", during, "quiet", quiet, None if elsewhere else TIMES)


def _measured(plan: Plan, emulator: Emulator, moto: Server, source: Path) -> dict[tuple[str, int], Windows]:
    """By way and port. What an upload to another server costs is the machine's share: its cores are taken."""
    found: dict[tuple[str, int], Windows] = {(way, to): [] for way in WAYS for to in (emulator.port, moto.port)}
    _p99(emulator, min(plan.seconds, invocation.WARM_UP_SECONDS))
    for _ in plan.each_round(f"invocations under an upload, {emulator.engine}"):
        for (way, to), windows in found.items():
            files.settle()
            quiet = _p99(emulator, plan.seconds)
            with uploading(way, to, source):
                during = _p99(emulator, plan.seconds)
            windows.append((during, quiet))
    return found


def _p99(emulator: Emulator, seconds: float) -> float:
    return load.run(("127.0.0.1", emulator.port), invocation.through_the_emulator(), CLIENTS, seconds).p99
