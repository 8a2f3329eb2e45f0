"""`examples/quickstart.py`, run as its first lines say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ENGINES
from tests.running import RunningEmulator, until

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=ENGINES)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path / "data").start()
    yield running
    assert running.stop() == 0, running.log()


@pytest.mark.slow
def test_the_quickstart_predicts_and_takes_its_endpoint_down(fresh: RunningEmulator) -> None:
    done = quickstart(fresh)

    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"^Held-out accuracy: (0\.\d+) on 100 rows$", done.stdout, re.MULTILINE)
    assert accuracy is not None, done.stdout
    assert float(accuracy[1]) > 0.9
    assert "Training job: Starting > Downloading > Training > Uploading > Completed" in done.stdout
    assert len(re.findall(r"benign with probability 0\.\d+, in truth (?:benign|malignant)", done.stdout)) == 5
    sagemaker = fresh.client("sagemaker")
    until(lambda: sagemaker.list_endpoints()["Endpoints"] == [], what="the endpoint is gone")
    assert sagemaker.list_models()["Models"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


@pytest.mark.slow
def test_a_job_that_fails_ends_the_quickstart_with_sagemakers_reason(tmp_path: Path) -> None:
    broken = (ROOT / "examples" / "quickstart.py").read_text().replace('"num_round": "50"', '"num_round": "none"')
    (tmp_path / "broken.py").write_text(broken)
    running = RunningEmulator("process", tmp_path / "data").start()

    done = quickstart(running, tmp_path / "broken.py")

    assert running.stop() == 0
    assert done.returncode == 1
    assert "num_round" in done.stderr
    assert "Traceback" not in done.stderr


def quickstart(
    emulator: RunningEmulator, script: Path = ROOT / "examples" / "quickstart.py"
) -> subprocess.CompletedProcess[str]:
    commands = 'eval "$("$0" -m emulator env --shell bash --url "$1")" && "$0" "$2"'
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    return subprocess.run(
        ["bash", "-c", commands, sys.executable, emulator.url, str(script)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
