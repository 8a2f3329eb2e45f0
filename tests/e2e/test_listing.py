"""Lists: filters, orders and pages, and tags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running import ROLE, XGBOOST, RunningEmulator, ended, training_request

NAMES = [f"{colour}-{number}" for number in range(4) for colour in ("red", "Green", "blue")]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator with twelve models and twelve training jobs that failed for want of an image."""
    running = RunningEmulator("process", tmp_path_factory.mktemp("data")).start()
    running.client("s3").create_bucket(Bucket="bucket")
    for prefix in ("train", "validation"):
        running.client("s3").put_object(Bucket="bucket", Key=f"{prefix}/a.csv", Body=b"1,2\n")
    sagemaker = running.client("sagemaker")
    for name in NAMES:
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)
        sagemaker.create_training_job(**training_request(name, "bucket", image="no-such-image"))
    for name in NAMES:
        ended(sagemaker, name)
    yield running
    assert running.stop() == 0


def jobs(sagemaker: Any, **asked: Any) -> list[str]:
    return [job["TrainingJobName"] for job in sagemaker.list_training_jobs(**asked)["TrainingJobSummaries"]]


def test_a_page_holds_ten_unless_told_and_a_token_leads_to_the_rest(sagemaker: Any) -> None:
    first = sagemaker.list_training_jobs()
    rest = sagemaker.list_training_jobs(NextToken=first["NextToken"])
    assert (len(first["TrainingJobSummaries"]), len(rest["TrainingJobSummaries"])) == (10, 2)
    assert "NextToken" not in rest


def test_a_token_of_another_list_or_order_is_refused(sagemaker: Any) -> None:
    token = sagemaker.list_training_jobs(MaxResults=2)["NextToken"]
    for call in (
        lambda: sagemaker.list_training_jobs(NextToken=token, SortBy="Name"),
        lambda: sagemaker.list_training_jobs(NextToken=token, SortOrder="Descending"),
        lambda: sagemaker.list_models(NextToken=token),
    ):
        with pytest.raises(ClientError, match="Invalid NextToken"):
            call()


@pytest.mark.parametrize("sort", ["Name", "CreationTime", "Status"])
@pytest.mark.parametrize("order", ["Ascending", "Descending"])
def test_pages_of_any_size_in_any_order_hold_everything_once(sagemaker: Any, sort: str, order: str) -> None:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        SortBy=sort, SortOrder=order, PaginationConfig={"PageSize": 5}
    )
    found = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert sorted(found) == sorted(NAMES)
    if sort != "Status":
        expected = NAMES if sort == "CreationTime" else sorted(NAMES)
        assert found == (expected if order == "Ascending" else expected[::-1])


def test_jobs_come_oldest_first_and_models_newest_first_by_default(sagemaker: Any) -> None:
    assert jobs(sagemaker, MaxResults=3) == NAMES[:3]
    models = sagemaker.list_models(MaxResults=3)["Models"]
    assert [model["ModelName"] for model in models] == NAMES[::-1][:3]


def test_filters_narrow_a_list(sagemaker: Any) -> None:
    assert jobs(sagemaker, NameContains="GREEN") == [name for name in NAMES if name.startswith("Green")]
    assert jobs(sagemaker, StatusEquals="Completed") == []
    assert len(jobs(sagemaker, StatusEquals="Failed", MaxResults=100)) == 12
    now = datetime.now(UTC)
    assert jobs(sagemaker, CreationTimeAfter=now) == []
    assert len(jobs(sagemaker, LastModifiedTimeBefore=now + timedelta(minutes=1), MaxResults=100)) == 12
    assert jobs(sagemaker, WarmPoolStatusEquals="Available") == []


def test_a_summary_shows_what_the_service_shows(sagemaker: Any) -> None:
    (summary,) = sagemaker.list_training_jobs(NameContains="red-0")["TrainingJobSummaries"]
    assert summary["TrainingJobArn"].endswith(":training-job/red-0")
    assert (summary["TrainingJobStatus"], summary["SecondaryStatus"]) == ("Failed", "Failed")
    assert summary["CreationTime"] <= summary["LastModifiedTime"]


def test_tags_are_added_overwritten_listed_and_removed(sagemaker: Any) -> None:
    arn = sagemaker.describe_model(ModelName="red-0")["ModelArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    answer = sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    assert answer["Tags"] == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        sagemaker.add_tags(ResourceArn=arn, Tags=many)
    assert len(sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 1


def test_the_aws_command_line_works_against_the_emulator(emulator: RunningEmulator) -> None:
    import os
    import subprocess
    import sys
    from pathlib import Path

    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, str(Path(sys.executable).parent / "aws"), "sagemaker", "list-models", "--output", "text"]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert all(name in listed for name in NAMES)
