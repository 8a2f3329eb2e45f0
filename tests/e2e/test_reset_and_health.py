"""The emulator's own API: readiness, and back to a fresh account."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import ENGINES, csv
from tests.running import ROLE, XGBOOST, RunningEmulator, ended, serving, training_request, until


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path).start()
    yield running
    assert running.stop() == 0, running.log()


def ask(emulator: RunningEmulator, path: str, method: str = "GET") -> dict[str, Any]:
    request = urllib.request.Request(emulator.url + path, method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer


def test_health_tells_versions_and_the_engine_in_use(emulator: RunningEmulator) -> None:
    health = ask(emulator, "/_emulator/health")
    assert health["status"] == "ready"
    assert (health["engine"]["name"], health["engine"]["ok"]) == (emulator.engine, True)
    assert (health["account"], health["region"]) == ("123456789012", "us-east-1")
    assert {"python", "moto", "botocore"} <= health["versions"].keys()


@pytest.mark.parametrize("path", ["/_emulator/reset", "/moto-api/reset"])
def test_a_reset_ends_what_runs_and_forgets_everything(
    emulator: RunningEmulator, cancer: tuple[Any, Any], path: str
) -> None:
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    s3.create_bucket(Bucket="bucket")
    rows = [[label, *row] for row, label in zip(*cancer, strict=True)]
    for prefix in ("train", "validation"):
        s3.put_object(Bucket="bucket", Key=f"{prefix}/a.csv", Body=csv(rows))
    endless = {"num_round": "1000000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**training_request("job", "bucket", HyperParameters=endless))
    until(lambda: _secondary(sagemaker) == "Training", what="training began")
    emulator.client("iam").create_role(RoleName="Mine", AssumeRolePolicyDocument="{}")
    sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)

    ask(emulator, path, "POST")

    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    assert sagemaker.list_models()["Models"] == []
    assert "bucket" not in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        emulator.client("iam").get_role(RoleName="Mine")
    assert emulator.client("iam").get_role(RoleName="AmazonSageMaker-ExecutionRole")["Role"]["Arn"] == ROLE
    assert list((emulator.data_dir / "work").glob("*/*")) == []
    assert _containers(emulator) == []


def _secondary(sagemaker: Any) -> str:
    return str(sagemaker.describe_training_job(TrainingJobName="job")["SecondaryStatus"])


def _containers(emulator: RunningEmulator) -> list[str]:
    """The Docker containers that carry this emulator's label."""
    if emulator.engine != "docker":
        return []
    identity = (emulator.data_dir / "emulator-id").read_text().strip()
    listed = subprocess.run(
        ["docker", "ps", "-a", "-q", "--filter", f"label=sagemaker-emulator.id={identity}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.split()


@pytest.mark.docker
def test_containers_are_seen_in_docker_while_they_run_and_nothing_is_left_behind(
    tmp_path: Path, cancer: tuple[Any, Any]
) -> None:
    emulator = RunningEmulator("docker", tmp_path).start()
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    s3.create_bucket(Bucket="bucket")
    rows = [[label, *row] for row, label in zip(*cancer, strict=True)]
    for prefix in ("train", "validation"):
        s3.put_object(Bucket="bucket", Key=f"{prefix}/a.csv", Body=csv(rows))
    endless = {"num_round": "1000000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**training_request("job", "bucket", HyperParameters=endless))
    until(lambda: _secondary(sagemaker) == "Training", what="training began")
    assert len(_containers(emulator)) == 1
    sagemaker.stop_training_job(TrainingJobName="job")
    until(lambda: not _containers(emulator), what="the training container is removed")
    until(lambda: _secondary(sagemaker) == "Stopped", what="the job has stopped")
    sagemaker.create_training_job(**training_request("short", "bucket"))
    model = {"Image": XGBOOST, "ModelDataUrl": ended(sagemaker, "short")["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName="m", PrimaryContainer=model, ExecutionRoleArn=ROLE)
    variants = [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert serving(sagemaker, "e")["EndpointStatus"] == "InService"
    assert len(_containers(emulator)) == 2
    assert emulator.stop() == 0
    assert _containers(emulator) == []
