"""``kill -9`` right after a change of IAM; `tests/e2e/test_kill_loop.py` does it to S3."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.mounted import REGION

ROOT = Path(__file__).parents[3]


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


def client(url: str, service: str) -> Any:
    once = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    make: Any = boto3.client
    return make(service, endpoint_url=url, region_name=REGION, config=once, **keys)


def test_role_made_a_moment_before_kill_9_is_there(tmp_path: Path) -> None:
    with served(tmp_path) as (url, process):
        client(url, "iam").create_role(RoleName="mine", AssumeRolePolicyDocument="{}")
        process.send_signal(signal.SIGKILL)
    with served(tmp_path) as (url, _):
        assert client(url, "iam").get_role(RoleName="mine")["Role"]["RoleName"] == "mine"
