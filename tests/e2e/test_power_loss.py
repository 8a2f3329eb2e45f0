"""`--durability`: what the emulator asks the disk for before it answers, seen from outside of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.running import ROLE, XGBOOST, RunningEmulator, until

_SYNCED = re.compile(r"f(?:data)?sync\(\d+<(?P<path>[^>]+)>")


def cannot_watch(reason: str) -> NoReturn:
    """Skip the test; fail it in CI, which has what it needs."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module", autouse=True)
def strace() -> None:
    if shutil.which("strace") is None:
        cannot_watch("strace is not installed")


@contextmanager
def traced(emulator: RunningEmulator, output: Path) -> Iterator[None]:
    """Every fsync of a running emulator goes to ``output``."""
    watched = ["strace", "-f", "-y", "-s", "0", "-e", "trace=fsync,fdatasync", "-o", str(output)]
    tracer = subprocess.Popen([*watched, "-p", str(emulator.pid)], stderr=subprocess.PIPE, text=True)
    try:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" not in said:
            cannot_watch(f"this machine does not let strace attach: {said}")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()


def synced(emulator: RunningEmulator, output: Path) -> set[str]:
    """What was on the disk when a put of a large object and the creation of a model had been answered."""
    with traced(emulator, output):
        emulator.client("s3").put_object(Bucket="sagemaker-us-east-1-123456789012", Key="k", Body=b"x" * 100_000)
        emulator.client("sagemaker").create_model(
            ModelName="m", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE
        )
        until(output.exists)
    paths = {found["path"] for found in _SYNCED.finditer(output.read_text())}
    return {str(Path(path).relative_to(emulator.data_dir)) for path in paths}


@pytest.fixture(params=["process", "full"])
def emulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator("process", tmp_path / "new" / "data", "--durability", request.param).start()
    running.client("s3").list_buckets()  # what is made at the first use is made
    yield running
    assert running.stop() == 0, running.log()


def test_full_waits_for_the_disk_and_the_default_does_not(
    emulator: RunningEmulator, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = synced(emulator, tmp_path / "trace")
    if request.node.callspec.params["emulator"] == "process":
        assert found == set()
    else:
        (blob,) = (emulator.data_dir / "objects").glob("??/*")
        named = {str(path.relative_to(emulator.data_dir)) for path in (blob, blob.parent, blob.parent.parent)}
        assert found >= {*named, ".", "cloud.sqlite3-wal", "emulator.db-wal"}
