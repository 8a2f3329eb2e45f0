"""The Downloading of a training job with a big channel, beside the copy that the file system makes of its files."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import files, workload
from benchmarks.api import Api
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.server import fresh_emulator

ADDED = Target("difference", 1)
_CHANNEL = "code"
"""A channel the program lets be: it reads its rows from the small ones."""
_COPIES = 5
"""How often the bytes lie on the disk: source, S3, the job's own, the copy; and one for what else needs room."""


def measure(plan: Plan) -> Iterable[Figure]:
    """Stage and copy in turn, on each engine."""
    sizes = plan.sizes
    total = sizes.channel_files * sizes.channel_file
    if not plan.has_room("The staging of a big channel", _COPIES * total):
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        source = Path(directory) / "source"
        source.mkdir()
        for number in range(sizes.channel_files):
            files.make(source / f"{number:06}", sizes.channel_file)
        for engine in plan.engines:
            staged, copied = _measured(plan, engine, source)
            name = f"staging of {total / 1e9:g} GB in {sizes.channel_files} files, {engine}"
            yield Figure(name, "s", staged, _COPY_NAME, copied, ADDED)


def _measured(plan: Plan, engine: str, source: Path) -> tuple[float, float]:
    with fresh_emulator(engine) as emulator:
        api = Api(emulator.port)
        workload.upload(api)
        for path in source.iterdir():
            api.put(f"/{workload.BUCKET}/{_CHANNEL}/{path.name}", path.read_bytes())
        beside = emulator.data_dir
        rounds = plan.each_round(f"staging, {engine}")
        pairs = [(_staged(api, f"round-{number}"), _copied(source, beside)) for number in rounds]
    staged, copied = (median(column) for column in zip(*pairs, strict=True))
    return staged, copied


def _staged(api: Api, name: str) -> float:
    """Seconds a job is Downloading: from its first file to the start of its container, that start included."""
    request = workload.training_request(name)
    request["InputDataConfig"].append(_channel())
    files.settle()
    api.sagemaker("CreateTrainingJob", **request)
    job: dict[str, Any] = {}

    def ended() -> bool:
        job.update(api.sagemaker("DescribeTrainingJob", TrainingJobName=name))
        return bool(job["TrainingJobStatus"] != "InProgress")

    api.wait_until(ended, f"the training job {name} has ended")
    if job["TrainingJobStatus"] != "Completed":
        raise RuntimeError(f"{name} is {job['TrainingJobStatus']}: {job.get('FailureReason')}")
    entry = next(one for one in job["SecondaryStatusTransitions"] if one["Status"] == "Downloading")
    return float(entry["EndTime"] - entry["StartTime"])


def _copied(source: Path, beside: Path) -> float:
    """Seconds of a copy of the files to the disk the emulator is on."""
    with tempfile.TemporaryDirectory(prefix="copy-", dir=beside) as directory:
        target = Path(directory) / "copy"
        files.settle()
        began = time.perf_counter()
        _copy(source, target)
        return time.perf_counter() - began


_COPY_NAME = "cp --reflink=auto" if sys.platform == "linux" else "copytree"


def _copy(source: Path, target: Path) -> None:
    """Share the blocks where the file system can, which `shutil` tries on macOS alone."""
    if sys.platform == "linux":
        subprocess.run(["cp", "-r", "--reflink=auto", str(source), str(target)], check=True)
    else:
        shutil.copytree(source, target)


def _channel() -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{workload.BUCKET}/{_CHANNEL}/"}
    return {"ChannelName": _CHANNEL, "DataSource": {"S3DataSource": source}}
