"""One big object up and down by boto3's transfer manager, and what the server then had in memory at its peak."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import files
from benchmarks.figure import Figure, Target
from benchmarks.memory import Peak
from benchmarks.plan import Plan
from benchmarks.s3_client import BUCKET, client_with_bucket
from benchmarks.server import MotoServer, Server, fresh_emulator

DOWNLOAD = Target("ratio", 8, at_least=True)
MEMORY = Target("value", 200)
_ROUNDS = 3
"""moto_server needs half a minute for one."""
_COPIES = 6
"""How often the object lies on the disk: source, what came back, and in S3 both the old and the new one in parts."""

Seconds = tuple[float, float]


def measure(plan: Plan, engine: str) -> Iterable[Figure]:
    """Send one file up and down, to the emulator and to moto_server in turn."""
    size = plan.sizes.transfer
    if not plan.has_room("The transfer of a big object", _COPIES * size):
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        source = Path(directory) / "source"
        files.make(source, size)
        with fresh_emulator(engine) as emulator, MotoServer() as moto:
            ours, theirs = _Rival(emulator, source), _Rival(moto, source)
            for _ in plan.each_round("big object", at_most=_ROUNDS):
                ours.run()
                theirs.run()
            yield from _figures(size, ours, theirs)


class _Rival:
    """One of the two servers: the seconds of each transfer, and its peak memory."""

    def __init__(self, server: Server, source: Path) -> None:
        self._s3 = client_with_bucket(server.port)
        self._source = source
        self._digest = files.digest(source)
        self.peak = Peak(server.pid)
        self.seconds: dict[str, list[float]] = {"upload_file": [], "download_file": []}

    def run(self) -> None:
        """Up and down once. Raises RuntimeError unless the bytes that come back are those that were sent."""
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            target = Path(directory) / "target"
            self._timed("upload_file", Filename=str(self._source))
            self._timed("download_file", Filename=str(target))
            if files.digest(target) != self._digest:
                raise RuntimeError("other bytes came back than were sent")

    def _timed(self, transfer: str, **members: Any) -> None:
        call: Callable[..., None] = getattr(self._s3, transfer)
        files.settle()
        began = time.perf_counter()
        call(Bucket=BUCKET, Key="big", **members)
        self.seconds[transfer].append(time.perf_counter() - began)


def _figures(size: int, ours: _Rival, theirs: _Rival) -> Iterator[Figure]:
    named = f"{size / (1 << 20):g} MiB"

    def rate(rival: _Rival, transfer: str) -> float:
        return size / 1e6 / median(rival.seconds[transfer])

    for transfer, target in (("upload_file", None), ("download_file", DOWNLOAD)):
        found, reference = rate(ours, transfer), rate(theirs, transfer)
        yield Figure(f"{transfer}, {named}", "MB/s", found, "moto_server", reference, target)
    peaks = [_closed(rival.peak) / 1e6 for rival in (ours, theirs)]
    yield Figure(f"peak memory, {named} up and down", "MB", peaks[0], "moto_server", peaks[1], MEMORY)


def _closed(peak: Peak) -> int:
    found = peak.so_far()
    peak.close()
    return found
