"""The built-in XGBoost on both engines: every input mode it reads, manifests, checkpoints, and spot interruptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from emulator.testing import Control
from tests.e2e.conftest import ENGINES, csv
from tests.running import RunningEmulator, channel, ended, log_lines, training_request, until
from tests.scripted import BUCKET, GROUP, files, keys, statuses


@pytest.fixture(scope="module", params=ENGINES)
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cancer: tuple[Any, Any]
) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path_factory.mktemp("data"), "--control").start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    table = np.column_stack([cancer[1], cancer[0]])
    for part in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"train/{part}.csv", Body=csv(table[:450][part::3]) + b"\n")
    s3.put_object(Bucket=BUCKET, Key="validation/all.csv", Body=csv(table[450:]) + b"\n")
    manifest = [{"prefix": f"s3://{BUCKET}/train/"}, "0.csv", "1.csv", "2.csv"]
    s3.put_object(Bucket=BUCKET, Key="manifest", Body=json.dumps(manifest).encode())
    yield running
    assert running.stop() == 0, running.log()
    assert running.containers() == []


def trained(emulator: RunningEmulator, name: str, train: dict[str, Any], **members: Any) -> dict[str, Any]:
    channels = [train, channel("validation", f"s3://{BUCKET}/validation/")]
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request(name, BUCKET, InputDataConfig=channels, **members))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def logloss(job: dict[str, Any]) -> float:
    found = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    value: float = found["validation:logloss"]
    return value


def test_every_input_mode_and_a_manifest_train_the_same_model(emulator: RunningEmulator, name: str) -> None:
    uri = f"s3://{BUCKET}/train/"
    listed = channel("train", f"s3://{BUCKET}/manifest")
    listed["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    channels = {
        "file": channel("train", uri),
        "fast": channel("train", uri, InputMode="FastFile"),
        "pipe": channel("train", uri, InputMode="Pipe"),
        "manifest": listed,
    }
    found = {mode: logloss(trained(emulator, f"{name}-{mode}", train)) for mode, train in channels.items()}
    assert len(set(found.values())) == 1, found


def checkpoints(name: str) -> dict[str, Any]:
    return {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"}}


def test_checkpoints_are_in_s3_and_the_next_job_goes_on_from_them(emulator: RunningEmulator, name: str) -> None:
    train = channel("train", f"s3://{BUCKET}/train/")
    few = {"num_round": "5", "objective": "binary:logistic"}
    trained(emulator, f"{name}-a", train, HyperParameters=few, **checkpoints(name))
    assert "xgboost-checkpoint.4" in keys(emulator, f"checkpoints/{name}/")
    trained(emulator, f"{name}-b", train, HyperParameters=few | {"num_round": "8"}, **checkpoints(name))
    lines = log_lines(emulator.client("logs"), GROUP, f"{name}-b/")
    rounds = [int(line[1 : line.index("]")]) for line in lines if line.startswith("[") and "#011" in line]
    assert rounds == [5, 6, 7]


def test_an_interrupted_spot_job_completes_from_its_checkpoints(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    members = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600},
        "HyperParameters": {"num_round": "3000", "objective": "binary:logistic", "max_depth": "8"},
        "InputDataConfig": [channel("train", f"s3://{BUCKET}/train/")],
        **checkpoints(name),
    }
    sagemaker.create_training_job(**training_request(name, BUCKET, **members))
    until(lambda: keys(emulator, f"checkpoints/{name}/"), what="a checkpoint is in S3")
    with Control(emulator.url) as control:
        control.interrupt(name)
        job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job).count("Interrupted") == 1
    assert list(files(emulator, name)) == ["xgboost-model"]
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    logs = emulator.client("logs")
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    assert len(streams) == 2
