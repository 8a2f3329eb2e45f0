"""More jobs than may run at once: they wait in order, and none is lost or run twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.testing import Control
from tests.e2e.conftest import ENGINES, put_cancer
from tests.running import RunningEmulator, ended, log_lines, training_request, until
from tests.scripted import BUCKET, GROUP, files, keys

WAITING = "Insufficient capacity error from EC2 while launching instances, retrying!"


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path: Path, cancer: tuple[Any, Any]) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path, "--control", "--max-instances", "2").start()
    put_cancer(running.client("s3"), BUCKET, cancer)
    yield running
    assert running.stop() == 0, running.log()


def message(emulator: RunningEmulator, name: str) -> str:
    job = emulator.client("sagemaker").describe_training_job(TrainingJobName=name)
    text: str = job["SecondaryStatusTransitions"][-1]["StatusMessage"]
    return text


def status(emulator: RunningEmulator, name: str) -> str:
    found: str = emulator.client("sagemaker").describe_training_job(TrainingJobName=name)["SecondaryStatus"]
    return found


def begun(job: dict[str, Any]) -> float:
    at: float = job["TrainingStartTime"].timestamp()
    return at


def test_jobs_beyond_the_bound_wait_in_starting_and_begin_in_order(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    names = [f"job-{number}" for number in range(6)]
    with Control(emulator.url) as control:
        for name in names[:2]:
            control.delay(name, status="Training", seconds=300)
        for name in names:
            sagemaker.create_training_job(**training_request(name, BUCKET))
        for name in names[:2]:
            until(lambda name=name: status(emulator, name) == "Training", what=f"{name} trains")
        for name in names[2:]:
            until(lambda name=name: message(emulator, name) == WAITING, what=f"{name} waits")
            assert status(emulator, name) == "Starting"
        control.shift_clock(300)
    jobs = [ended(sagemaker, name) for name in names]
    assert {job["TrainingJobStatus"] for job in jobs} == {"Completed"}
    waited = [begun(job) for job in jobs[2:]]
    assert waited == sorted(waited)


def test_waiting_jobs_are_found_again_after_a_kill(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    control = Control(emulator.url)
    control.delay("job-0", status="Training", seconds=300)
    control.delay("job-1", status="Training", seconds=300)
    for number in range(4):
        sagemaker.create_training_job(**training_request(f"job-{number}", BUCKET))
    until(lambda: message(emulator, "job-3") == WAITING, what="the last one waits")
    emulator.kill()
    emulator.start()
    for number in range(4):
        job = ended(emulator.client("sagemaker"), f"job-{number}")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_a_waiting_job_that_is_stopped_makes_way(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    with Control(emulator.url) as control:
        for number in range(2):
            control.delay(f"job-{number}", status="Training", seconds=300)
        for number in range(3):
            sagemaker.create_training_job(**training_request(f"job-{number}", BUCKET))
        until(lambda: message(emulator, "job-2") == WAITING, what="the third one waits")
        sagemaker.stop_training_job(TrainingJobName="job-2")
        job = ended(sagemaker, "job-2")
        assert job["TrainingJobStatus"] == "Stopped"
        assert "TrainingStartTime" not in job
        for number in range(2):
            sagemaker.stop_training_job(TrainingJobName=f"job-{number}")
    for number in range(2):
        assert ended(sagemaker, f"job-{number}")["TrainingJobStatus"] == "Stopped"


def test_a_job_of_more_instances_than_ever_run_at_once_fails_and_names_the_setting(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 3, "VolumeSizeInGB": 1}
    sagemaker.create_training_job(**training_request("large", BUCKET, ResourceConfig=resources))
    job = ended(sagemaker, "large")
    assert job["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity.")
    assert "--max-instances" in job["FailureReason"]


@pytest.mark.slow
def test_fifty_jobs_at_once_all_complete_with_their_own_logs_and_artifacts(emulator: RunningEmulator) -> None:
    sagemaker, logs = emulator.client("sagemaker"), emulator.client("logs")
    rounds = {f"job-{number}": 1 + number % 7 for number in range(50)}
    sagemaker.create_training_job(**training_request("first", BUCKET))
    ended(sagemaker, "first")
    before = emulator.memory()
    for name, count in rounds.items():
        parameters = {"num_round": str(count), "objective": "binary:logistic"}
        sagemaker.create_training_job(**training_request(name, BUCKET, HyperParameters=parameters))
    for name, count in rounds.items():
        job = ended(sagemaker, name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        lines = log_lines(logs, GROUP, f"{name}/")
        assert len([line for line in lines if "#011validation-logloss" in line]) == count
        assert list(files(emulator, name)) == ["xgboost-model"]
        assert sorted(keys(emulator, f"out/{name}/output/")) == ["model.tar.gz", "output.tar.gz"]
    assert emulator.memory() < before + (40 << 20)  # half a megabyte for each job's log, metrics and documents
    assert emulator.containers() == []
