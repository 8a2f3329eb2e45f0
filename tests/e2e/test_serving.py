"""Models, endpoints and invocations over the wire, on every engine."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running import ROLE, XGBOOST, RunningEmulator, archive, ended, log_lines, serving, training_request, until


@pytest.fixture(scope="session")
def model(emulator: RunningEmulator, bucket: str) -> str:
    """A model that was really trained."""
    sagemaker, name = emulator.client("sagemaker"), f"model-{uuid.uuid4().hex[:8]}"
    sagemaker.create_training_job(**training_request(name, bucket))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    container = {"Image": XGBOOST, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    return name


def variant(model: str, count: int = 1) -> list[dict[str, Any]]:
    return [
        {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
    ]


@pytest.fixture(scope="session")
def endpoint(emulator: RunningEmulator, model: str) -> Iterator[str]:
    """An endpoint with two instances, in service."""
    sagemaker, name = emulator.client("sagemaker"), f"Endpoint-{uuid.uuid4().hex[:8]}"
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variant(model, 2))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert serving(sagemaker, name)["EndpointStatus"] == "InService"
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


@pytest.fixture
def runtime(emulator: RunningEmulator) -> Any:
    return emulator.client("sagemaker-runtime")


def test_held_out_rows_are_predicted_well(runtime: Any, endpoint: str, cancer: tuple[Any, Any]) -> None:
    rows, labels = cancer[0][450:], cancer[1][450:]
    body = "\n".join(",".join(str(value) for value in row) for row in rows)
    reply = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=body)
    scores = [float(line) for line in reply["Body"].read().decode().split()]
    assert len(scores) == len(labels)
    assert sum((score > 0.5) == label for score, label in zip(scores, labels, strict=True)) / len(labels) > 0.9
    assert reply["InvokedProductionVariant"] == "AllTraffic"
    assert reply["ContentType"].startswith("text/csv")


def test_the_answers_format_follows_accept(runtime: Any, endpoint: str, cancer: tuple[Any, Any]) -> None:
    body = ",".join(str(value) for value in cancer[0][500])
    reply = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="application/json", Body=body)
    assert reply["ContentType"].startswith("application/json")
    assert 0.0 <= json.loads(reply["Body"].read())["predictions"][0]["score"] <= 1.0


def test_a_model_that_is_not_packed_serves_and_stays_what_it_is(
    emulator: RunningEmulator, sagemaker: Any, s3: Any, model: str, bucket: str, name: str, cancer: tuple[Any, Any]
) -> None:
    packed = sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["ModelDataUrl"]
    body = s3.get_object(Bucket=bucket, Key=packed.removeprefix(f"s3://{bucket}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as files:
        for file in files:
            s3.put_object(Bucket=bucket, Key=f"{name}/{file.name}", Body=files.extractfile(file).read())
    before = s3.list_objects_v2(Bucket=bucket, Prefix=name)["Contents"]
    source = {"S3Uri": f"s3://{bucket}/{name}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": XGBOOST, "ModelDataSource": {"S3DataSource": source}}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variant(name))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert serving(sagemaker, name)["EndpointStatus"] == "InService"
    line = ",".join(str(value) for value in cancer[0][500])
    runtime = emulator.client("sagemaker-runtime")
    reply = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=line)
    assert 0.0 <= float(reply["Body"].read()) <= 1.0
    assert s3.list_objects_v2(Bucket=bucket, Prefix=name)["Contents"] == before
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_container_error_is_a_model_error_with_its_own_words(runtime: Any, endpoint: str) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/x-unknown", Body=b"1")
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["OriginalStatusCode"] == 415
    assert "application/x-unknown" in error["OriginalMessage"]
    assert error["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{endpoint}")
    assert error["Error"]["Message"].startswith('Received client error (415) from primary with message "')


def test_an_unknown_endpoint_variant_or_target_is_a_validation_error(runtime: Any, endpoint: str) -> None:
    def refused(**members: str) -> str:
        with pytest.raises(ClientError) as caught:
            runtime.invoke_endpoint(**{"EndpointName": endpoint, "Body": b"1", **members})
        assert caught.value.response["Error"]["Code"] == "ValidationError"
        return str(caught.value.response["Error"]["Message"])

    assert refused(EndpointName="nobody") == "Endpoint nobody of account 123456789012 not found."
    assert "Blue" in refused(TargetVariant="Blue")
    assert "multi-model" in refused(TargetModel="a.tar.gz")
    assert "Inference Component Name header" in refused(InferenceComponentName="ic")


def test_a_body_over_the_limit_is_refused_and_nothing_reaches_the_container(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError, match="Member must have length less than or equal to 6291456") as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"1" * (6291456 + 1))
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_the_description_shows_what_serves(sagemaker: Any, endpoint: str) -> None:
    shown = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{endpoint.lower()}"
    (serving_variant,) = shown["ProductionVariants"]
    assert serving_variant["VariantName"] == "AllTraffic"
    assert (serving_variant["CurrentInstanceCount"], serving_variant["DesiredInstanceCount"]) == (2, 2)
    assert serving_variant["CurrentWeight"] == 1.0
    assert serving_variant["DeployedImages"][0]["SpecifiedImage"] == XGBOOST


def test_each_instance_has_a_log_stream_and_requests_are_counted(
    emulator: RunningEmulator, runtime: Any, endpoint: str
) -> None:
    runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=",".join("1" * 30))
    logs, group = emulator.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"
    streams = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    assert len(streams) == 2
    assert all(stream.startswith("AllTraffic/i-") for stream in streams)
    until(lambda: log_lines(logs, group, "AllTraffic/"), what="the containers' lines")
    until(lambda: _counted(emulator, endpoint) > 0, what="request metrics")


def _counted(emulator: RunningEmulator, endpoint: str) -> float:
    points = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        StartTime=0,
        EndTime=4102444800,
        Period=86400 * 365 * 200,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_an_update_goes_over_to_the_new_configuration_without_a_gap(
    sagemaker: Any, runtime: Any, model: str, name: str
) -> None:
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-a", ProductionVariants=variant(model))
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-b", ProductionVariants=variant(model, 2))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-a")
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        sagemaker.delete_endpoint(EndpointName=name)
    assert serving(sagemaker, name)["EndpointStatus"] == "InService"
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-b")
    answers = 0
    while (shown := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Updating":
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=",".join("1" * 30))
        answers += 1
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", f"{name}-b")
    assert shown["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert answers > 0
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName=name)


@pytest.mark.slow  # a minute is the shortest time that may be asked for
def test_a_container_that_never_gets_healthy_fails_the_endpoint(
    sagemaker: Any, s3: Any, bucket: str, name: str
) -> None:
    s3.put_object(Bucket=bucket, Key=f"{name}/model.tar.gz", Body=archive({"xgboost-model": b"no model"}))
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{bucket}/{name}/model.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variants = variant(name)
    variants[0]["ContainerStartupHealthCheckTimeoutInSeconds"] = 60
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    shown = serving(sagemaker, name)
    assert shown["EndpointStatus"] == "Failed"
    assert shown["FailureReason"] == (
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    sagemaker.delete_endpoint(EndpointName=name)
