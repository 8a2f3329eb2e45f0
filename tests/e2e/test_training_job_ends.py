"""Ends that tests bring about on purpose, retries, utilisation, long logs, and the AWS CLI's waiter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import Control
from tests.e2e.conftest import ENGINES, put_cancer
from tests.running import RunningEmulator, ended, log_lines, training_request, until
from tests.scripted import BUCKET, GROUP, files, instances, scripted, statuses


@pytest.fixture(scope="module", params=ENGINES)
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cancer: tuple[Any, Any]
) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path_factory.mktemp("data"), "--control").start()
    put_cancer(running.client("s3"), BUCKET, cancer)
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture
def control(emulator: RunningEmulator) -> Iterator[Control]:
    with Control(emulator.url) as control:
        yield control


def trained(emulator: RunningEmulator, name: str, **members: Any) -> dict[str, Any]:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request(name, BUCKET, **members))
    return ended(sagemaker, name)


@pytest.mark.parametrize("status", ["Starting", "Downloading", "Training", "Uploading"])
def test_a_job_fails_where_it_is_told_to(emulator: RunningEmulator, control: Control, name: str, status: str) -> None:
    control.fail(name, status=status, reason="AlgorithmError: on purpose")
    job = trained(emulator, name)
    assert (job["TrainingJobStatus"], job["FailureReason"]) == ("Failed", "AlgorithmError: on purpose")
    assert statuses(job)[-2:] == [status, "Failed"]


def test_a_job_without_capacity_says_so_and_fails(emulator: RunningEmulator, control: Control, name: str) -> None:
    control.refuse_capacity(name)
    job = trained(emulator, name)
    assert job["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity.")
    assert job["SecondaryStatusTransitions"][0]["StatusMessage"].startswith("Insufficient capacity error from EC2")


def test_a_service_error_is_tried_again_where_the_request_says_so(
    emulator: RunningEmulator, control: Control, name: str
) -> None:
    control.fail(name, status="Training", reason="InternalServerError: on purpose")
    job = trained(emulator, name, RetryStrategy={"MaximumRetryAttempts": 1})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == [
        *("Starting", "Downloading", "Training"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]


def test_a_service_error_ends_a_job_without_retries(emulator: RunningEmulator, control: Control, name: str) -> None:
    control.fail(name, reason="InternalServerError: on purpose")
    assert trained(emulator, name)["FailureReason"] == "InternalServerError: on purpose"


def test_a_delayed_job_can_be_stopped_at_once(emulator: RunningEmulator, control: Control, name: str) -> None:
    control.delay(name, status="Downloading", seconds=600)
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request(name, BUCKET))
    until(
        lambda: sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Downloading",
        what="the job downloads",
    )
    sagemaker.stop_training_job(TrainingJobName=name)
    assert ended(sagemaker, name)["TrainingJobStatus"] == "Stopped"


def test_the_runtime_limit_follows_the_shifted_clock(emulator: RunningEmulator, control: Control, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    many = {"num_round": "1000000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**training_request(name, BUCKET, HyperParameters=many))
    until(
        lambda: sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training",
        what="the job trains",
    )
    control.shift_clock(601)
    job = ended(sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["TrainingTimeInSeconds"] >= 600


def test_uncompressed_output_lies_below_a_prefix(emulator: RunningEmulator, name: str) -> None:
    job = trained(emulator, name, OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out", "CompressionType": "NONE"})
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/{name}/output/model/"
    found = emulator.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"out/{name}/")["Contents"]
    assert [one["Key"] for one in found] == [f"out/{name}/output/model/xgboost-model"]


def test_what_a_host_uses_is_in_cloudwatch(emulator: RunningEmulator, control: Control, name: str) -> None:
    sagemaker, cloudwatch = emulator.client("sagemaker"), emulator.client("cloudwatch")
    many = {"num_round": "1000000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**training_request(name, BUCKET, HyperParameters=many))

    def values(metric: str) -> list[float]:
        now = datetime.now(UTC)
        found = cloudwatch.get_metric_statistics(
            Namespace=GROUP,
            MetricName=metric,
            Dimensions=[{"Name": "Host", "Value": f"{name}/algo-1"}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=60,
            Statistics=["Maximum"],
        )
        return [point["Maximum"] for point in found["Datapoints"]]

    for metric in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        until(lambda metric=metric: any(value > 0 for value in values(metric)), what=f"{metric} was measured")
    assert max(values("MemoryUtilization")) < 100
    sagemaker.stop_training_job(TrainingJobName=name)
    ended(sagemaker, name)


def test_several_instances_need_docker_and_the_process_engine_says_so(emulator: RunningEmulator, name: str) -> None:
    if emulator.engine == "docker":
        pytest.skip("Docker runs several instances")
    job = trained(
        emulator, name, ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert "Docker" in job["FailureReason"]


RECORDED = {
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
    "EnableInterContainerTrafficEncryption": True,
    "RetryStrategy": {"MaximumRetryAttempts": 3},
}


def test_what_has_no_effect_here_is_recorded_and_shown(emulator: RunningEmulator, name: str) -> None:
    job = trained(emulator, name, **RECORDED)
    assert {member: job[member] for member in RECORDED} == RECORDED


GROUP_OF_ONE = {"InstanceGroupName": "one", "InstanceType": "ml.m5.large", "InstanceCount": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ResourceConfig": {"VolumeSizeInGB": 1}}, "InstanceType and InstanceCount"),
        ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 0, "VolumeSizeInGB": 1}}, "instanceCount"),
        ({"ResourceConfig": instances(1, InstanceGroups=[GROUP_OF_ONE])}, "either InstanceType"),
        ({"ResourceConfig": instances(1, SelectedInstanceType="ml.m5.large")}, "read-only"),
        ({"ResourceConfig": {"InstanceGroups": [GROUP_OF_ONE] * 2, "VolumeSizeInGB": 1}}, "unique"),
        ({"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/c", "LocalPath": "relative"}}, "LocalPath"),
        ({"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/c", "LocalPath": "/a/../b"}}, "LocalPath"),
        ({"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/c", "LocalPath": "/opt/ml"}}, "LocalPath"),
        (
            {
                "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/c", "LocalPath": "/x"},
                "TensorBoardOutputConfig": {"S3OutputPath": f"s3://{BUCKET}/t", "LocalPath": "/x/"},
            },
            "must differ",
        ),
        ({"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/c", "LocalPath": "/opt/ml/input/x"}}, "LocalPath"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 3000000}}, "28 days"),
    ],
)
def test_bad_input_is_refused_and_leaves_no_job(
    emulator: RunningEmulator, name: str, change: dict[str, Any], words: str
) -> None:
    sagemaker = emulator.client("sagemaker")
    with pytest.raises(ClientError, match=words):
        sagemaker.create_training_job(**training_request(name, BUCKET, **change))
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName=name)


@pytest.mark.parametrize("member", ["AlgorithmSpecification", "ResourceConfig"])
def test_what_only_a_serverless_job_can_do_without_is_required(
    emulator: RunningEmulator, name: str, member: str
) -> None:
    request = training_request(name, BUCKET)
    del request[member]
    create = emulator.client("sagemaker").create_training_job
    with pytest.raises(ClientError, match=f"(?i)value null at '{member}'"):
        create(**request)
    with pytest.raises(ClientError, match="serverless"):
        create(
            **request,
            ServerlessJobConfig={
                "BaseModelArn": "arn:aws:sagemaker:us-east-1:aws:hub-content/a/b/c/1.0.0",
                "JobType": "FineTuning",
            },
        )


@pytest.mark.parametrize(("failing", "code"), [(False, 0), (True, 255)])
def test_the_cli_waits_for_a_job_with_its_own_waiter(
    emulator: RunningEmulator, control: Control, name: str, failing: bool, code: int
) -> None:
    if failing:
        control.fail(name)
    trained(emulator, name)
    assert waited(emulator, name).returncode == code


def test_the_cli_waits_for_a_job_that_is_in_progress(
    emulator: RunningEmulator, control: Control, name: str, tmp_path: Path
) -> None:
    """Its pause of two minutes between two looks is made short, in the file where botocore looks for it."""
    models = tmp_path / "sagemaker" / "2017-07-24"
    models.mkdir(parents=True)
    models.joinpath("waiters-2.sdk-extras.json").write_text(
        '{"version": 1.0, "merge": {"waiters": {"TrainingJobCompletedOrStopped": {"delay": 1}}}}'
    )
    control.delay(name, status="Uploading", seconds=3)
    emulator.client("sagemaker").create_training_job(**training_request(name, BUCKET))
    done = waited(emulator, name, AWS_DATA_PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert emulator.client("sagemaker").describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed"


def waited(emulator: RunningEmulator, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``aws sagemaker wait training-job-completed-or-stopped``."""
    command = ["sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name]
    return subprocess.run(
        [str(Path(sys.executable).parent / "aws"), *command],
        check=False,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
            "AWS_ENDPOINT_URL": emulator.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.docker
@pytest.mark.slow
def test_two_hundred_thousand_lines_are_all_in_the_log(tmp_path: Path, name: str) -> None:
    emulator = RunningEmulator("docker", tmp_path).start()
    emulator.client("s3").create_bucket(Bucket=BUCKET)
    request = scripted(name, "import sys; sys.stdout.writelines(f'{n}\\n' for n in range(200_000))")
    del request["InputDataConfig"]
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request)
    assert ended(sagemaker, name)["TrainingJobStatus"] == "Completed"
    lines = log_lines(emulator.client("logs"), GROUP, f"{name}/")
    assert len(lines) == 200_000
    assert [int(line) for line in lines] == list(range(200_000))
    assert files(emulator, name) == {}
    assert emulator.stop() == 0, emulator.log()
