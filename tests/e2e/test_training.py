"""Training jobs over the wire, on every engine."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running import RunningEmulator, ended, log_lines, training_request, until

GROUP = "/aws/sagemaker/TrainingJobs"


def members(s3: Any, bucket: str, key: str) -> list[str]:
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        return archive.getnames()


def test_a_job_trains_and_leaves_its_model_logs_and_metrics(
    emulator: RunningEmulator, sagemaker: Any, s3: Any, bucket: str, name: str
) -> None:
    arn = sagemaker.create_training_job(**training_request(name, bucket))["TrainingJobArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/out/{name}/output/model.tar.gz"
    assert members(s3, bucket, f"out/{name}/output/model.tar.gz") == ["xgboost-model"]
    assert members(s3, bucket, f"out/{name}/output/output.tar.gz") == []
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] >= 1
    lines = log_lines(emulator.client("logs"), GROUP, f"{name}/algo-1-")
    rounds = [line for line in lines if "#011validation-logloss:" in line]
    assert len(rounds) == 20
    last = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert f"validation-logloss:{last['validation:logloss']:.5f}" in rounds[-1]
    assert last["validation:logloss"] < 0.3
    statistics = emulator.client("cloudwatch").get_metric_statistics(
        Namespace=GROUP,
        MetricName="validation:logloss",
        Dimensions=[{"Name": "TrainingJobName", "Value": name}],
        StartTime=job["CreationTime"].timestamp() - 60,
        EndTime=job["TrainingEndTime"].timestamp() + 60,
        Period=3600,
        Statistics=["SampleCount", "Minimum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in statistics) == 20


def test_a_bad_hyperparameter_fails_the_job_with_the_algorithms_words(sagemaker: Any, bucket: str, name: str) -> None:
    request = training_request(name, bucket, HyperParameters={"num_round": "5", "max_dept": "3"})
    sagemaker.create_training_job(**request)
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "Extraneous hyperparameter found: max_dept" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 1")
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Failed"


def test_an_image_that_cannot_be_had_fails_the_job_and_says_what_to_do(sagemaker: Any, bucket: str, name: str) -> None:
    sagemaker.create_training_job(**training_request(name, bucket, image="no-such-image:1"))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "no-such-image:1" in job["FailureReason"]
    assert "TrainingStartTime" not in job


def test_a_stop_ends_the_job_stopped_and_keeps_what_it_wrote(
    emulator: RunningEmulator, sagemaker: Any, s3: Any, bucket: str, name: str
) -> None:
    endless = {"num_round": "1000000", "objective": "binary:logistic", "save_model_on_termination": "true"}
    sagemaker.create_training_job(**training_request(name, bucket, HyperParameters=endless))
    logs = emulator.client("logs")
    until(lambda: _rounds(logs, name), what="training began")
    sagemaker.stop_training_job(TrainingJobName=name)
    job = ended(sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    assert members(s3, bucket, f"out/{name}/output/model.tar.gz") == ["xgboost-model"]
    with pytest.raises(ClientError, match="The request was rejected because the training job is in status Stopped"):
        sagemaker.stop_training_job(TrainingJobName=name)


def _rounds(logs: Any, name: str) -> list[str]:
    try:
        return [line for line in log_lines(logs, GROUP, f"{name}/") if "train-logloss" in line]
    except logs.exceptions.ResourceNotFoundException:
        return []


def test_the_runtime_limit_ends_the_job_under_its_own_status(sagemaker: Any, bucket: str, name: str) -> None:
    request = training_request(name, bucket, StoppingCondition={"MaxRuntimeInSeconds": 2})
    request["HyperParameters"] = {"num_round": "1000000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**request)
    job = ended(sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_artifacts_that_cannot_be_stored_fail_the_job(sagemaker: Any, bucket: str, name: str) -> None:
    output = {"S3OutputPath": f"s3://{name}-missing/out"}
    sagemaker.create_training_job(**training_request(name, bucket, OutputDataConfig=output))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:The specified bucket does not exist")


def test_tags_custom_metrics_and_the_request_come_back(sagemaker: Any, bucket: str, name: str) -> None:
    request = training_request(name, bucket, Tags=[{"Key": "team", "Value": "blue"}], Environment={"COLOUR": "blue"})
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "my:loss", "Regex": r"\tvalidation-logloss:(\S+)"}
    ]
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    job = ended(sagemaker, name)
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    values = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert values["my:loss"] == values["validation:logloss"]
    for member in ("HyperParameters", "ResourceConfig", "Environment", "RoleArn"):
        assert job[member] == request[member]
    first = job["InputDataConfig"][0]
    assert (first["CompressionType"], first["RecordWrapperType"]) == ("None", "None")
    assert first["DataSource"]["S3DataSource"] == {
        "S3DataDistributionType": "FullyReplicated",
        **request["InputDataConfig"][0]["DataSource"]["S3DataSource"],
    }


def test_a_deleted_job_is_gone_and_its_name_is_free(sagemaker: Any, bucket: str, name: str) -> None:
    sagemaker.create_training_job(**training_request(name, bucket, image="no-such-image:1"))
    ended(sagemaker, name)
    sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match=r"Requested resource not found\."):
        sagemaker.describe_training_job(TrainingJobName=name)
    sagemaker.create_training_job(**training_request(name, bucket, image="no-such-image:1"))
    ended(sagemaker, name)
