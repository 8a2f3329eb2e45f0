"""Warm pools: who gets one, what becomes of it, and that the next job really runs in the container that waited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import Control
from tests.e2e.conftest import ENGINES, csv
from tests.running import RunningEmulator, ended, training_request, until
from tests.scripted import BUCKET, files, instances


@pytest.fixture(scope="module", params=ENGINES)
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cancer: tuple[Any, Any]
) -> Iterator[RunningEmulator]:
    import numpy as np

    running = RunningEmulator(request.param, tmp_path_factory.mktemp("data"), "--control").start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    table = np.column_stack([cancer[1], cancer[0]])
    s3.put_object(Bucket=BUCKET, Key="train/all.csv", Body=csv(table[:450]))
    s3.put_object(Bucket=BUCKET, Key="validation/all.csv", Body=csv(table[450:]))
    yield running
    assert running.stop() == 0, running.log()


def kept(name: str, seconds: int = 600, kind: str = "ml.m5.large", **members: Any) -> dict[str, Any]:
    """A request whose instances are kept; each test takes a volume of its own size, so that pools do not mix."""
    size = int(name.rpartition("-")[2][:4], 16) % 16000 + 1
    resources = instances(1, kind, KeepAlivePeriodInSeconds=seconds, VolumeSizeInGB=size)
    return training_request(name, BUCKET, ResourceConfig=resources, **members)


def trained(emulator: RunningEmulator, request: dict[str, Any]) -> dict[str, Any]:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request)
    job = ended(sagemaker, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def pool(emulator: RunningEmulator, name: str) -> dict[str, Any]:
    found: dict[str, Any] = emulator.client("sagemaker").describe_training_job(TrainingJobName=name)["WarmPoolStatus"]
    return found


def test_the_next_matching_job_reuses_the_pool_and_leaves_one_of_its_own(emulator: RunningEmulator, name: str) -> None:
    first = trained(emulator, kept(name))
    assert first["WarmPoolStatus"] == {"Status": "Available"}
    second = trained(emulator, {**kept(name), "TrainingJobName": f"{name}-b"})
    assert second["WarmPoolStatus"] == {"Status": "Available"}
    reused = pool(emulator, name)
    assert (reused["Status"], reused["ReusedByJob"]) == ("Reused", f"{name}-b")
    assert reused["ResourceRetainedBillableTimeInSeconds"] >= 1
    assert files(emulator, f"{name}-b").keys() == files(emulator, name).keys() == {"xgboost-model"}


def test_the_next_job_runs_in_the_container_that_waited(emulator: RunningEmulator, name: str) -> None:
    trained(emulator, kept(name))
    waiting = until(lambda: [one for one in emulator.containers() if "-warm-" in one], what="a container waits")
    request = {**kept(name), "TrainingJobName": f"{name}-b", "HyperParameters": {"num_round": "3"}}
    with Control(emulator.url) as control:
        control.delay(f"{name}-b", status="Uploading", seconds=60)
        emulator.client("sagemaker").create_training_job(**request)
        until(lambda: pool(emulator, name)["Status"] == "Reused", what="the pool is taken over")
        assert [one for one in emulator.containers() if f"{name}-b" in one] == []
        assert set(waiting) <= set(emulator.containers())
        control.shift_clock(60)
        job = ended(emulator.client("sagemaker"), f"{name}-b")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["FinalMetricDataList"]


@pytest.mark.parametrize("other", [{"EnableNetworkIsolation": True}, {"RoleArn": "arn:aws:iam::123456789012:role/x"}])
def test_a_job_that_does_not_match_leaves_the_pool_alone(
    emulator: RunningEmulator, name: str, other: dict[str, Any]
) -> None:
    trained(emulator, kept(name))
    trained(emulator, {**kept(name), "TrainingJobName": f"{name}-b", **other})
    assert pool(emulator, name) == {"Status": "Available"}


def test_a_pool_ends_when_its_time_is_up(emulator: RunningEmulator, name: str) -> None:
    trained(emulator, kept(name, 60))
    with Control(emulator.url) as control:
        control.shift_clock(61)
    until(lambda: pool(emulator, name)["Status"] == "Terminated", what="the pool has ended")
    assert pool(emulator, name)["ResourceRetainedBillableTimeInSeconds"] >= 60


def test_the_retention_can_be_changed_while_the_pool_is_available(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    trained(emulator, kept(name))
    answer = sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 1200})
    assert answer["TrainingJobArn"].endswith(name)
    shown = sagemaker.describe_training_job(TrainingJobName=name)
    assert shown["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 1200
    sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    until(lambda: pool(emulator, name)["Status"] == "Terminated", what="the pool has ended")
    with pytest.raises(ClientError, match=r"ValidationException.*Available"):
        sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 60})


def test_a_job_with_an_available_pool_cannot_be_deleted(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    trained(emulator, kept(name))
    with pytest.raises(ClientError, match=r"ValidationException.*warm pool"):
        sagemaker.delete_training_job(TrainingJobName=name)
    sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    until(lambda: pool(emulator, name)["Status"] == "Terminated", what="the pool has ended")
    sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName=name)


def test_jobs_can_be_listed_by_their_pools(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    trained(emulator, kept(name))

    def listed(status: str) -> list[str]:
        found = sagemaker.list_training_jobs(WarmPoolStatusEquals=status, NameContains=name)["TrainingJobSummaries"]
        return [one["TrainingJobName"] for one in found]

    assert (listed("Available"), listed("Terminated")) == ([name], [])
    sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    until(lambda: listed("Terminated") == [name], what="the pool has ended")
    assert listed("Available") == []


def test_a_pool_survives_a_kill(tmp_path: Any, emulator: RunningEmulator, name: str) -> None:
    own = RunningEmulator(emulator.engine, tmp_path).start()
    own.client("s3").create_bucket(Bucket=BUCKET)
    rows = b"\n".join(b"%d,%d" % (number % 2, number) for number in range(40))
    for key in ("train/all.csv", "validation/all.csv"):
        own.client("s3").put_object(Bucket=BUCKET, Key=key, Body=rows)
    trained(own, kept(name))
    own.kill()
    own.start()
    assert pool(own, name) == {"Status": "Available"}
    trained(own, {**kept(name), "TrainingJobName": f"{name}-b"})
    assert pool(own, name)["Status"] == "Reused"
    assert own.stop() == 0, own.log()
