"""A bucket with many keys: how fast it is listed, and how soon it is there again after a crash."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks import s3_small
from benchmarks.api import Api
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.s3_client import BUCKET, client
from benchmarks.server import Emulator, MotoServer, Server

TIMES = Target("ratio", 3, at_least=True)


def measure(plan: Plan, engine: str) -> Iterable[Figure]:
    """List the keys of both servers in turn; then kill the emulator and start it again, and moto_server anew."""
    keys = plan.sizes.keys
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        data_dir = Path(directory)
        yield _listing(plan, engine, data_dir)
        pairs = [(_restarted(engine, data_dir, keys), _started()) for _ in plan.each_round("restart")]
    again, plain = (median(column) for column in zip(*pairs, strict=True))
    yield Figure(f"kill -9 to S3's answer, {keys} keys", "s", again, "moto_server, which lost all", plain)


def _listing(plan: Plan, engine: str, data_dir: Path) -> Figure:
    """Leaves an emulator's data directory behind that was killed."""
    keys = plan.sizes.keys
    with Emulator(engine, data_dir) as emulator, MotoServer() as moto:
        s3_small.fill(emulator, keys)
        s3_small.fill(moto, keys)
        pairs = [(_list(emulator, keys), _list(moto, keys)) for _ in plan.each_round("listing")]
        emulator.kill()
    ours, theirs = (keys / median(column) for column in zip(*pairs, strict=True))
    return Figure(f"list of {keys} keys", "keys/s", ours, "moto_server", theirs, TIMES)


def _list(server: Server, keys: int) -> float:
    pages = client(server.port).get_paginator("list_objects_v2")
    began = time.perf_counter()
    found = [item["Key"] for page in pages.paginate(Bucket=BUCKET) for item in page.get("Contents", [])]
    seconds = time.perf_counter() - began
    if found != [s3_small.key(number) for number in range(keys)]:
        raise RuntimeError(f"{len(found)} keys were listed, and not those that were put")
    return seconds


def _restarted(engine: str, data_dir: Path, keys: int) -> float:
    """Seconds from the start to one of the objects that the killed emulator had; ends with another kill."""
    began = time.perf_counter()
    with Emulator(engine, data_dir) as emulator:
        found = Api(emulator.port).get(f"/{BUCKET}/{s3_small.key(keys - 1)}")
        seconds = time.perf_counter() - began
        emulator.kill()
    if found != s3_small.BODY:
        raise RuntimeError("other bytes came back after the restart than were put")
    return seconds


def _started() -> float:
    """Seconds from the start of moto_server to its list of buckets, which is empty."""
    began = time.perf_counter()
    with MotoServer() as moto:
        Api(moto.port).get("/")
        return time.perf_counter() - began
