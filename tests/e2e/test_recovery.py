"""kill -9 at the worst moments: nothing that was acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ENGINES, put_cancer
from tests.running import (
    ROLE,
    XGBOOST,
    RunningEmulator,
    archive,
    ended,
    log_lines,
    serving,
    training_request,
    until,
)

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path: Path, cancer: tuple[Any, Any]) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path).start()
    put_cancer(running.client("s3"), "bucket", cancer)
    yield running
    assert running.stop() == 0, running.log()


def killed(emulator: RunningEmulator) -> RunningEmulator:
    emulator.kill()
    return emulator.start()


def stopped(emulator: RunningEmulator) -> RunningEmulator:
    assert emulator.stop() == 0
    return emulator.start()


Restart = Callable[[RunningEmulator], RunningEmulator]


def rounds(emulator: RunningEmulator, name: str) -> list[str]:
    logs = emulator.client("logs")
    try:
        return [line for line in log_lines(logs, GROUP, f"{name}/algo-1-") if "#011validation-logloss" in line]
    except logs.exceptions.ResourceNotFoundException:
        return []


@pytest.mark.parametrize("restart", [killed, stopped])
def test_a_job_in_training_is_found_again_after_a_restart_and_finishes_with_its_full_log(
    emulator: RunningEmulator, restart: Restart
) -> None:
    count = 3000
    parameters = {"num_round": str(count), "objective": "binary:logistic", "max_depth": "8"}
    emulator.client("sagemaker").create_training_job(**training_request("job", "bucket", HyperParameters=parameters))
    until(lambda: rounds(emulator, "job"), what="training began")
    assert emulator.client("sagemaker").describe_training_job(TrainingJobName="job")["SecondaryStatus"] == "Training"
    restart(emulator)
    job = ended(emulator.client("sagemaker"), "job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    lines = rounds(emulator, "job")
    assert [int(line[1 : line.index("]")]) for line in lines] == list(range(count))
    keys = [found["Key"] for found in emulator.client("s3").list_objects_v2(Bucket="bucket")["Contents"]]
    assert "out/job/output/model.tar.gz" in keys
    assert "train/all.csv" in keys


def test_a_job_that_ends_while_the_emulator_is_dead_is_completed_by_the_next(emulator: RunningEmulator) -> None:
    parameters = {"num_round": "300", "objective": "binary:logistic"}
    emulator.client("sagemaker").create_training_job(**training_request("job", "bucket", HyperParameters=parameters))
    emulator.kill()
    emulator.start()
    job = ended(emulator.client("sagemaker"), "job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert len(rounds(emulator, "job")) == 300


@pytest.mark.parametrize("restart", [killed, stopped])
def test_restarts_at_many_moments_lose_no_job(emulator: RunningEmulator, restart: Restart) -> None:
    for number in range(5):
        sagemaker = emulator.client("sagemaker")
        sagemaker.create_training_job(**training_request(f"job-{number}", "bucket"))
        for _ in range(number * 2):  # each round meets the job a little later in its life
            sagemaker.describe_training_job(TrainingJobName=f"job-{number}")
        restart(emulator)
    for number in range(5):
        job = ended(emulator.client("sagemaker"), f"job-{number}")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_an_endpoint_in_service_serves_again_after_a_kill(emulator: RunningEmulator, cancer: tuple[Any, Any]) -> None:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request("job", "bucket"))
    artifacts = ended(sagemaker, "job")["ModelArtifacts"]["S3ModelArtifacts"]
    container = {"Image": XGBOOST, "ModelDataUrl": artifacts}
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variants = [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert serving(sagemaker, "e")["EndpointStatus"] == "InService"
    before = predict(emulator, cancer)
    killed(emulator)
    assert predict(emulator, cancer) == before
    assert emulator.client("sagemaker").describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"
    assert emulator.stop() == 0
    emulator.start()
    assert predict(emulator, cancer) == before
    emulator.client("sagemaker").delete_endpoint(EndpointName="e")
    waiter = emulator.client("sagemaker").get_waiter("endpoint_deleted")
    waiter.wait(EndpointName="e", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_an_endpoint_that_is_coming_up_goes_on_doing_so_after_an_orderly_stop(emulator: RunningEmulator) -> None:
    emulator.client("s3").put_object(Bucket="bucket", Key="bad.tar.gz", Body=archive({"xgboost-model": b"no model"}))
    sagemaker = emulator.client("sagemaker")
    container = {"Image": XGBOOST, "ModelDataUrl": "s3://bucket/bad.tar.gz"}  # it runs, and is never healthy
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variants = [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert emulator.stop() == 0
    emulator.start()
    shown = emulator.client("sagemaker").describe_endpoint(EndpointName="e")
    assert shown["EndpointStatus"] == "Creating"
    assert "FailureReason" not in shown


def predict(emulator: RunningEmulator, cancer: tuple[Any, Any]) -> str:
    body = ",".join(str(value) for value in cancer[0][500])
    reply = emulator.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=body)
    return str(reply["Body"].read().decode())
