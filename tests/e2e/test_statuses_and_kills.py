"""kill -9 of the emulator in each secondary status: the next start goes on with the job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.testing import Control
from tests.e2e.conftest import ENGINES, put_cancer
from tests.running import RunningEmulator, ended, training_request, until
from tests.scripted import BUCKET, keys, statuses


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path: Path, cancer: tuple[Any, Any]) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path, "--control", "--max-instances", "1").start()
    put_cancer(running.client("s3"), BUCKET, cancer)
    yield running
    assert running.stop() == 0, running.log()
    assert running.containers() == []


ORDER = ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def reaches(emulator: RunningEmulator, name: str, status: str) -> None:
    sagemaker = emulator.client("sagemaker")
    until(
        lambda: sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == status,
        what=f"{name} is {status}",
    )


@pytest.mark.parametrize("status", ORDER[:4])
def test_a_kill_in_a_status_loses_nothing(emulator: RunningEmulator, status: str) -> None:
    control = Control(emulator.url)
    control.delay("job", status=status, seconds=300)
    emulator.client("sagemaker").create_training_job(**training_request("job", BUCKET))
    reaches(emulator, "job", status)
    emulator.kill()
    emulator.start()
    job = ended(emulator.client("sagemaker"), "job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == ORDER
    assert keys(emulator, "out/job/output/") == ["model.tar.gz", "output.tar.gz"]


def test_a_kill_while_a_job_waits_for_instances_loses_nothing(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    control = Control(emulator.url)
    control.delay("first", status="Training", seconds=300)
    for name in ("first", "job"):
        sagemaker.create_training_job(**training_request(name, BUCKET))
    reaches(emulator, "first", "Training")
    emulator.kill()
    emulator.start()
    for name in ("first", "job"):
        assert statuses(ended(emulator.client("sagemaker"), name)) == ORDER


def test_a_kill_while_a_job_stops_ends_it_stopped(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    control = Control(emulator.url)
    control.delay("job", status="Uploading", seconds=300)
    many = {"num_round": "100000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**training_request("job", BUCKET, HyperParameters=many))
    reaches(emulator, "job", "Training")
    sagemaker.stop_training_job(TrainingJobName="job")
    reaches(emulator, "job", "Stopping")
    emulator.kill()
    emulator.start()
    job = ended(emulator.client("sagemaker"), "job")
    assert statuses(job) == ["Starting", "Downloading", "Training", "Stopping", "Stopped"]
    assert keys(emulator, "out/job/output/") == ["model.tar.gz", "output.tar.gz"]


def test_a_kill_while_a_spot_job_is_interrupted_begins_it_again(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600},
        "HyperParameters": {"num_round": "2000", "objective": "binary:logistic"},
    }
    control = Control(emulator.url)
    control.interrupt("job")
    sagemaker.create_training_job(**training_request("job", BUCKET, **spot))
    until(
        lambda: "Interrupted" in statuses(sagemaker.describe_training_job(TrainingJobName="job")),
        what="the job is interrupted",
    )
    emulator.kill()
    emulator.start()
    job = ended(emulator.client("sagemaker"), "job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == [*ORDER[:3], "Interrupted", *ORDER]


def test_a_kill_while_a_job_is_tried_again_goes_on_with_that(emulator: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    control = Control(emulator.url)
    control.fail("job", status="Downloading", reason="InternalServerError: on purpose")
    control.delay("job", status="Starting", seconds=0)
    control.delay("job", status="Starting", seconds=300)
    sagemaker.create_training_job(**training_request("job", BUCKET, RetryStrategy={"MaximumRetryAttempts": 1}))
    until(
        lambda: statuses(sagemaker.describe_training_job(TrainingJobName="job")).count("Starting") == 2,
        what="the job is tried again",
    )
    emulator.kill()
    emulator.start()
    job = ended(emulator.client("sagemaker"), "job")
    assert statuses(job) == ["Starting", "Downloading", *ORDER]
