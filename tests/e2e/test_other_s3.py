"""An emulator whose S3 is another server: moto's, in a process of its own."""

from __future__ import annotations

import io
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import numpy as np
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.server import MotoServer
from tests.e2e.conftest import csv
from tests.running import ROLE, XGBOOST, RunningEmulator, ended, serving, training_request, until

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "users", "AWS_SECRET_ACCESS_KEY": "own"}
KEYS = ["plain", "a b+c", "ü/ß", "100%", "a?b#c", "a//b", "a;b=c&d", "/first", "last/"]


def direct(url: str) -> Any:
    """A client of the other server itself."""
    keys = {"aws_access_key_id": "users", "aws_secret_access_key": "own"}
    config = Config(s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config, **keys)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def theirs() -> Iterator[str]:
    """The URL of the other server."""
    with MotoServer() as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.fixture(scope="module")
def emulator(theirs: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    options = ("--s3-endpoint-url", theirs)
    running = RunningEmulator("process", tmp_path_factory.mktemp("data"), *options, **CREDENTIALS).start()
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture(scope="module")
def bucket(theirs: str, cancer: tuple[Any, Any]) -> str:
    """A bucket of the other server, with the data set."""
    name = f"theirs-{uuid.uuid4().hex[:8]}"
    client = direct(theirs)
    client.create_bucket(Bucket=name)
    table = np.column_stack([cancer[1], cancer[0]])
    client.put_object(Bucket=name, Key="train/part-1.csv", Body=csv(table[:450]))
    client.put_object(Bucket=name, Key="validation/all.csv", Body=csv(table[450:]))
    return name


def test_files_go_up_and_come_down_in_parts(s3: Any, bucket: str, theirs: str, tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(30_000_000)
    (tmp_path / "up").write_bytes(content)
    s3.upload_file(str(tmp_path / "up"), bucket, "large")
    s3.download_file(bucket, "large", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == content
    there = direct(theirs).get_object(Bucket=bucket, Key="large")
    assert there["Body"].read() == content
    assert there["ETag"].endswith('-4"')


def test_a_large_object_in_one_piece_goes_both_ways(s3: Any, bucket: str) -> None:
    content = np.random.default_rng(2).bytes(30_000_000)
    s3.upload_fileobj(io.BytesIO(content), bucket, "one", Config=TransferConfig(multipart_threshold=1 << 30))
    assert s3.get_object(Bucket=bucket, Key="one")["Body"].read() == content


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_the_same_here_and_there(s3: Any, bucket: str, theirs: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"a": "b"})
    assert direct(theirs).get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert s3.head_object(Bucket=bucket, Key=key)["Metadata"] == {"a": "b"}
    assert key in [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key=f"{key}-copy")["Body"].read() == key.encode()
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": f"{key}-copy"}]})
    with pytest.raises(ClientError, match="404"):
        direct(theirs).head_object(Bucket=bucket, Key=key)


def test_ranges_and_conditions_are_the_servers(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="r", Body=b"0123456789")["ETag"]
    part = s3.get_object(Bucket=bucket, Key="r", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    with pytest.raises(ClientError, match="304"):
        s3.head_object(Bucket=bucket, Key="r", IfNoneMatch=etag)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_of_the_emulator_work(emulator: RunningEmulator, bucket: str, version: str) -> None:
    s3 = emulator.client("s3", signature_version=version)
    where = {"Bucket": bucket, "Key": "pre signed"}
    upload = s3.generate_presigned_url("put_object", where)
    with urlopen(Request(upload, data=b"1,2", method="PUT", headers={"Content-Type": ""})) as answer:
        assert answer.status == 200
    with urlopen(s3.generate_presigned_url("get_object", where)) as answer:
        assert answer.read() == b"1,2"


def test_errors_are_the_servers(s3: Any) -> None:
    with pytest.raises(ClientError, match=r"NoSuchBucket.*The specified bucket does not exist"):
        s3.list_objects_v2(Bucket="missing-bucket")


def test_everything_else_is_answered_here(emulator: RunningEmulator, theirs: str) -> None:
    emulator.client("iam").create_user(UserName="here")
    url = emulator.client("sqs").create_queue(QueueName="here")["QueueUrl"]
    assert url
    keys = {"aws_access_key_id": "users", "aws_secret_access_key": "own", "region_name": "us-east-1"}
    there = boto3.client("iam", endpoint_url=theirs, **keys)  # type: ignore[call-overload]
    assert "here" not in [user["UserName"] for user in there.list_users()["Users"]]


def test_nothing_is_made_on_the_server_unasked(s3: Any, bucket: str) -> None:
    assert [found["Name"] for found in s3.list_buckets()["Buckets"]] == [bucket]


def test_health_names_the_server(emulator: RunningEmulator, theirs: str) -> None:
    with urlopen(f"{emulator.url}/_emulator/health") as answer:
        assert f'"s3":"{theirs}"' in answer.read().decode().replace(" ", "")


def test_a_job_reads_and_writes_there_and_an_endpoint_serves_its_model(
    emulator: RunningEmulator, sagemaker: Any, bucket: str, theirs: str, name: str, cancer: tuple[Any, Any]
) -> None:
    sagemaker.create_training_job(**training_request(name, bucket))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert model == f"s3://{bucket}/out/{name}/output/model.tar.gz"
    assert direct(theirs).head_object(Bucket=bucket, Key=f"out/{name}/output/model.tar.gz")["ContentLength"] > 0
    container = {"Image": XGBOOST, "ModelDataUrl": model}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert serving(sagemaker, name)["EndpointStatus"] == "InService"
    runtime = emulator.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=csv(cancer[0][450:460]))
    scores = [float(score) for score in answer["Body"].read().decode().replace("\n", ",").strip(",").split(",")]
    assert [score > 0.5 for score in scores] == [bool(label) for label in cancer[1][450:460]]
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_job_of_a_bucket_that_is_not_there_fails_in_s3s_words(sagemaker: Any, bucket: str, name: str) -> None:
    output = {"S3OutputPath": f"s3://{name}-missing/out"}
    sagemaker.create_training_job(**training_request(name, bucket, OutputDataConfig=output))
    job = ended(sagemaker, name)
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:The specified bucket does not exist")


def test_a_server_that_is_away_is_named_to_clients_and_in_the_reason_of_a_job(tmp_path: Path, name: str) -> None:
    with MotoServer() as other:
        url = f"http://127.0.0.1:{other.port}"
        direct(url).create_bucket(Bucket=name)
        for channel in ("train", "validation"):
            direct(url).put_object(Bucket=name, Key=f"{channel}/a.csv", Body=b"1,2\n0,1\n")
        running = RunningEmulator("process", tmp_path, "--s3-endpoint-url", url, **CREDENTIALS).start()
        sagemaker = running.client("sagemaker")
        endless = {"num_round": "1000000", "objective": "binary:logistic", "save_model_on_termination": "true"}
        sagemaker.create_training_job(**training_request(name, name, HyperParameters=endless))
        until(lambda: _training(sagemaker, name), what="training began")
    sagemaker.stop_training_job(TrainingJobName=name)
    reason = ended(sagemaker, name)["FailureReason"]
    assert f"Artifact upload failed:S3 at {url} cannot be reached: " in reason
    assert "Start that server, or start the emulator with another --s3-endpoint-url" in reason
    with pytest.raises(ClientError, match=f"ServiceUnavailable.*S3 at {url} cannot be reached"):
        running.client("s3").list_objects_v2(Bucket=name)
    assert running.stop() == 0, running.log()


def _training(sagemaker: Any, name: str) -> bool:
    status: str = sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"]
    assert status in ("Starting", "Downloading", "Training"), status
    return status == "Training"


def test_a_second_emulator_can_be_the_server(tmp_path: Path) -> None:
    second = RunningEmulator("process", tmp_path / "second").start()
    first = RunningEmulator("process", tmp_path / "first", "--s3-endpoint-url", second.url, **CREDENTIALS).start()
    content = np.random.default_rng(3).bytes(10_000_000)
    first.client("s3").create_bucket(Bucket="through")
    first.client("s3").put_object(Bucket="through", Key="k", Body=content, ChecksumAlgorithm="SHA256")
    assert second.client("s3").get_object(Bucket="through", Key="k")["Body"].read() == content
    assert first.client("s3").get_object(Bucket="through", Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"]
    assert (first.stop(), second.stop()) == (0, 0)


@pytest.mark.parametrize(
    ("environment", "options", "reason"),
    [
        ({}, (), r"There are no AWS credentials for S3 at http://.*--s3-profile, or set AWS_ACCESS_KEY_ID"),
        (CREDENTIALS, ("--s3-profile", "nobodys"), r"nobodys\) could not be found.*aws configure list-profiles"),
    ],
    ids=["no credentials", "no such profile"],
)
def test_without_credentials_it_does_not_start_and_says_what_to_do(
    tmp_path: Path, environment: dict[str, str], options: tuple[str, ...], reason: str
) -> None:
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    options = ("--s3-endpoint-url", "http://127.0.0.1:9", *options)
    refused = RunningEmulator(
        "process", tmp_path, *options, AWS_CONFIG_FILE=str(tmp_path / "none"), **nowhere, **environment
    )
    with pytest.raises(AssertionError, match=reason):
        refused.start()
    assert refused.stop() == 1


def test_an_emulator_is_not_its_own_server(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--port", str(port), "--s3-endpoint-url", f"http://localhost:{port}")
    refused = RunningEmulator("process", tmp_path, *options, **CREDENTIALS)
    with pytest.raises(AssertionError, match=f"http://localhost:{port} is this emulator"):
        refused.start()
    assert refused.stop() == 1
