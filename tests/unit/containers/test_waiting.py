"""Containers that are started ahead of their job."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.containers.job_files import JobFiles, metric_lines

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="only Linux shows what a process has loaded"
)

LIBRARIES = "libxgboost.so"


@pytest.fixture
def waiting(cancer_job: JobFiles) -> Iterator[subprocess.Popen[str]]:
    """A process that waits for ``cancer_job``, its libraries loaded."""
    with cancer_job.start("train", {"SAGEMAKER_EMULATOR_WAIT": "1"}) as process:
        while LIBRARIES not in Path(f"/proc/{process.pid}/maps").read_text():
            assert process.poll() is None
        yield process
        process.kill()


def hand_over(job: JobFiles, environment: dict[str, str]) -> None:
    config = job.base / "input" / "config"
    unfinished = config / "job.json.part"
    unfinished.write_text(json.dumps({"environment": environment}))
    unfinished.replace(config / "job.json")


def test_a_job_is_trained_when_it_comes(waiting: subprocess.Popen[str], cancer_job: JobFiles) -> None:
    hand_over(cancer_job, {})
    output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, output
    assert len(metric_lines(output)) == 5
    assert (cancer_job.model / "xgboost-model").exists()


def test_nothing_is_printed_before_the_job(waiting: subprocess.Popen[str], cancer_job: JobFiles) -> None:
    hand_over(cancer_job, {})
    output, _ = waiting.communicate(timeout=60)
    assert "Running XGBoost Sagemaker in algorithm mode" in output.splitlines()[0]


def test_the_job_has_its_own_environment(waiting: subprocess.Popen[str], cancer_job: JobFiles) -> None:
    hand_over(cancer_job, {"SAGEMAKER_PROGRAM": "train.py"})
    waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert "framework (script) mode" in cancer_job.failure


def test_a_stop_while_waiting_is_a_success(waiting: subprocess.Popen[str], cancer_job: JobFiles) -> None:
    waiting.send_signal(signal.SIGTERM)
    output, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, output) == (0, "")
    assert not (cancer_job.base / "output" / "failure").exists()


def test_a_job_file_that_cannot_be_read_fails_the_job(waiting: subprocess.Popen[str], cancer_job: JobFiles) -> None:
    cancer_job.write("job.json", [])
    waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert cancer_job.failure.startswith("framework error:")
