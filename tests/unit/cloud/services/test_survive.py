"""Every kept service: made, killed with ``kill -9``, and looked at again in a new process."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from emulator.cloud.services.kept import BEGIN_EMPTY, KEPT
from tests.mounted import REGION
from tests.unit.cloud.services.made import MADE

ROOT = Path(__file__).parents[4]


@contextlib.contextmanager
def served(state_dir: Path) -> Iterator[tuple[Callable[[str], Any], subprocess.Popen[str]]]:
    """The services in a process of their own; killed at the end. Yields what makes clients of it."""
    program = [sys.executable, "-m", "tests.unit.cloud.services.harness", str(state_dir)]
    process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()

        def client(service: str) -> Any:
            make: Any = boto3.client
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            once = Config(retries={"total_max_attempts": 1})
            return make(service, endpoint_url=url, region_name=REGION, config=once, **keys)

        yield client, process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, object]]:
    """What was seen of each service before the kill, and after it."""
    state_dir = tmp_path_factory.mktemp("state")
    with served(state_dir) as (client, process):
        for made in MADE.values():
            made.make(client)
        before = {name: made.look(client) for name, made in MADE.items()}
        process.send_signal(signal.SIGKILL)
    with served(state_dir) as (client, _):
        return {name: (before[name], made.look(client)) for name, made in MADE.items()}


@pytest.mark.parametrize("service", sorted(MADE))
def test_what_was_made_is_there_after_kill_9(seen: dict[str, tuple[object, object]], service: str) -> None:
    before, after = seen[service]
    assert before
    assert after == before


def test_nothing_is_called_kept_that_is_not_tested() -> None:
    assert set(MADE) == KEPT
    assert not KEPT & set(BEGIN_EMPTY)
