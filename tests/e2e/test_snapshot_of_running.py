"""Jobs and endpoints that run while a snapshot is taken: here they go on, there they begin anew or end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import run
from tests.e2e.conftest import ENGINES, csv
from tests.running import ROLE, XGBOOST, RunningEmulator, ended, serving, training_request, until

ENDLESS = {"num_round": "1000000", "objective": "binary:logistic"}


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path: Path, cancer: tuple[Any, Any]) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path / "one").start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="bucket")
    rows = [[label, *row] for row, label in zip(*cancer, strict=True)]
    for prefix in ("train", "validation"):
        s3.put_object(Bucket="bucket", Key=f"{prefix}/a.csv", Body=csv(rows))
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture
def elsewhere(emulator: RunningEmulator, tmp_path: Path) -> Iterator[RunningEmulator]:
    """An emulator on the same machine and engine that will go on from a snapshot of the first, once it is started."""
    other = RunningEmulator(emulator.engine, tmp_path / "two")
    yield other
    assert other.stop() == 0, other.log()


def move(emulator: RunningEmulator, elsewhere: RunningEmulator) -> None:
    """Take a snapshot of one and start the other with it; the first goes on."""
    file = elsewhere.data_dir.with_name("state.tar.gz")
    run("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
    run("snapshot", "load", str(file), "--data-dir", str(elsewhere.data_dir))
    elsewhere.start()


def secondary(emulator: RunningEmulator) -> str:
    return str(emulator.client("sagemaker").describe_training_job(TrainingJobName="job")["SecondaryStatus"])


def test_a_job_fails_there_says_why_and_goes_on_here(emulator: RunningEmulator, elsewhere: RunningEmulator) -> None:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request("job", "bucket", HyperParameters=ENDLESS))
    until(lambda: secondary(emulator) == "Training", what="training began")

    move(emulator, elsewhere)

    there = ended(elsewhere.client("sagemaker"), "job")
    assert there["TrainingJobStatus"] == "Failed"
    assert "do not come with a snapshot" in there["FailureReason"]
    elsewhere.client("sagemaker").create_training_job(**training_request("next", "bucket"))
    assert ended(elsewhere.client("sagemaker"), "next")["TrainingJobStatus"] == "Completed"
    assert secondary(emulator) == "Training"
    sagemaker.stop_training_job(TrainingJobName="job")
    assert ended(sagemaker, "job")["TrainingJobStatus"] == "Stopped"


def test_an_endpoint_serves_there_from_containers_of_its_own(
    emulator: RunningEmulator, elsewhere: RunningEmulator, cancer: tuple[Any, Any]
) -> None:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request("job", "bucket"))
    model = {"Image": XGBOOST, "ModelDataUrl": ended(sagemaker, "job")["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName="m", PrimaryContainer=model, ExecutionRoleArn=ROLE)
    variants = [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert serving(sagemaker, "e")["EndpointStatus"] == "InService"
    answer = predict(emulator, cancer)

    move(emulator, elsewhere)

    assert predict(elsewhere, cancer) == answer
    elsewhere.client("sagemaker").delete_endpoint(EndpointName="e")
    waiter = elsewhere.client("sagemaker").get_waiter("endpoint_deleted")
    waiter.wait(EndpointName="e", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert predict(emulator, cancer) == answer


def predict(emulator: RunningEmulator, cancer: tuple[Any, Any]) -> str:
    runtime = emulator.client("sagemaker-runtime")
    body = ",".join(str(value) for value in cancer[0][500])

    def answer() -> str | None:
        try:
            reply = runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=body)
        except (runtime.exceptions.ModelError, runtime.exceptions.ServiceUnavailable, runtime.exceptions.ClientError):
            return None  # it comes up
        return str(reply["Body"].read().decode())

    return str(until(answer, what="the endpoint answers"))
