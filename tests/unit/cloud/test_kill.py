"""``kill -9`` in the middle of writing: what was acknowledged is there, whole and in order."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.mounted import ACCOUNT, REGION

ROOT = Path(__file__).parents[3]
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
SIZES = (10, 20_000, 700_000)


@contextlib.contextmanager
def served(state_dir: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The cloud in a process of its own; killed at the end."""
    program = [sys.executable, "-m", "tests.unit.cloud.serve", str(state_dir)]
    process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate()


def client(url: str, service: str = "s3") -> Any:
    once = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    make: Any = boto3.client
    return make(service, endpoint_url=url, region_name=REGION, config=once, **keys)


class Writer(threading.Thread):
    """Overwrites and deletes three keys of its own until the server dies, and remembers what was acknowledged.

    ``acknowledged`` maps a key to the digest of its body, None when it was deleted; ``pending`` is the one change
    that was sent and not answered.
    """

    def __init__(self, url: str, number: int, acknowledged: dict[str, str | None], enough: threading.Event) -> None:
        super().__init__()
        self._s3 = client(url)
        self._number = number
        self._enough = enough
        self.acknowledged = acknowledged
        self.pending: tuple[str, str | None] | None = None

    def run(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            for turn in range(10_000):
                self._change(turn)
                if turn == 12:
                    self._enough.set()

    def _change(self, turn: int) -> None:
        key = f"writer-{self._number}/{turn % 3}"
        if turn % 7 == 6:
            self.pending = (key, None)
            self._s3.delete_object(Bucket=BUCKET, Key=key)
        else:
            body = os.urandom(SIZES[turn % len(SIZES)])
            self.pending = (key, hashlib.sha256(body).hexdigest())
            self._s3.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata={"turn": str(turn)})
        self.acknowledged[key] = self.pending[1]
        self.pending = None


def digest(s3: Any, key: str) -> str | None:
    try:
        return hashlib.sha256(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest()
    except s3.exceptions.NoSuchKey:
        return None


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_torn_or_comes_back_by_kill_9(tmp_path: Path) -> None:
    known: dict[str, str | None] = {}
    for _ in range(3):
        with served(tmp_path) as (url, process):
            enough = threading.Event()
            writers = [Writer(url, number, {}, enough) for number in range(4)]
            for writer in writers:
                writer.start()
            assert enough.wait(60)
            process.send_signal(signal.SIGKILL)
            for writer in writers:
                writer.join()
        pending = dict(writer.pending for writer in writers if writer.pending is not None)
        for writer in writers:
            known.update(writer.acknowledged)
        with served(tmp_path) as (url, _):
            s3 = client(url)
            for key in known.keys() | pending.keys():
                found = digest(s3, key)
                assert found in {known.get(key), pending.get(key, known.get(key))}, key
                known[key] = found
    assert sum(value is not None for value in known.values()) >= 4


def test_role_made_a_moment_before_kill_9_is_there(tmp_path: Path) -> None:
    with served(tmp_path) as (url, process):
        client(url, "iam").create_role(RoleName="mine", AssumeRolePolicyDocument="{}")
        process.send_signal(signal.SIGKILL)
    with served(tmp_path) as (url, _):
        assert client(url, "iam").get_role(RoleName="mine")["Role"]["RoleName"] == "mine"
