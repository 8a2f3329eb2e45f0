"""What every LogSink and MetricSink does; boto3 reads back what they were given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.arns import Scope
from emulator.sinks.port import Datum, LogSink, MetricSink, StatisticSet
from tests.mounted import ACCOUNT, REGION, Mounted, mounted

GROUP = "/aws/sagemaker/TrainingJobs"
SCOPE = Scope(ACCOUNT, REGION)


@dataclass(frozen=True)
class Line:
    at: float
    text: str


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Mounted]:
    with mounted(tmp_path) as running:
        yield running


@pytest.fixture
def logs(aws: Mounted) -> LogSink:
    return aws.cloud.logs


@pytest.fixture
def metrics(aws: Mounted) -> MetricSink:
    return aws.cloud.metrics


def messages(aws: Mounted, stream: str) -> list[tuple[int, str]]:
    found = aws.client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
    return [(event["timestamp"], event["message"]) for event in found["events"]]


def test_lines_are_read_in_the_order_they_were_written(aws: Mounted, logs: LogSink) -> None:
    now = datetime.now(UTC).timestamp()
    logs.write(SCOPE, GROUP, "job/algo-1-1", [Line(now, f"[{number}]\ttrain-rmse:1") for number in range(50)])
    logs.write(SCOPE, GROUP, "job/algo-1-1", [Line(now + 1, "")])
    expected = [f"[{number}]\ttrain-rmse:1" for number in range(50)] + [""]
    assert [text for _, text in messages(aws, "job/algo-1-1")] == expected


def test_lines_out_of_order_or_very_old_are_kept(aws: Mounted, logs: LogSink) -> None:
    now = datetime.now(UTC).timestamp()
    logs.write(SCOPE, GROUP, "s", [Line(now, "now"), Line(now - 90 * 86400, "old")])
    assert [text for _, text in messages(aws, "s")] == ["old", "now"]


def test_stream_exists_even_without_lines(aws: Mounted, logs: LogSink) -> None:
    logs.write(SCOPE, GROUP, "empty", [])
    found = aws.client("logs").describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert [stream["logStreamName"] for stream in found] == ["empty"]


def test_scopes_do_not_see_each_other(aws: Mounted, logs: LogSink) -> None:
    logs.write(Scope(ACCOUNT, "us-west-2"), GROUP, "s", [Line(1.0, "x")])
    logs.write(Scope("999988887777", REGION), GROUP, "s", [Line(1.0, "x")])
    assert aws.client("logs").describe_log_groups()["logGroups"] == []


def test_lines_are_found_by_the_beginning_of_their_streams_name(aws: Mounted, logs: LogSink) -> None:
    client = aws.client("logs")

    def found(**options: Any) -> list[str]:
        return [event["message"] for event in client.filter_log_events(logGroupName=GROUP, **options)["events"]]

    for stream in ("job-1/algo-1", "job-1/algo-2", "job-10/algo-1"):
        logs.write(SCOPE, GROUP, stream, [Line(1.0, stream)])
    assert found(logStreamNamePrefix="job-1/") == ["job-1/algo-1", "job-1/algo-2"]
    assert found(logStreamNamePrefix="job-1/", filterPattern='"algo-2"') == ["job-1/algo-2"]
    assert found(logStreamNamePrefix="job-2") == []
    assert len(found()) == 3
    with pytest.raises(ClientError, match="InvalidParameterException"):
        found(logStreamNamePrefix="job-1/", logStreamNames=["job-1/algo-1"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.filter_log_events(logGroupName="none", logStreamNamePrefix="job-1/")


def test_values_are_read_back_by_name_and_dimension(aws: Mounted, metrics: MetricSink) -> None:
    now = datetime.now(UTC)
    at = now.timestamp()
    dimensions = {"TrainingJobName": "job"}
    metrics.put(
        SCOPE, "/aws/sagemaker/TrainingJobs", [Datum("rmse", 2.0, at, dimensions), Datum("rmse", 1.0, at, dimensions)]
    )
    metrics.put(SCOPE, "/aws/sagemaker/TrainingJobs", [Datum("rmse", 9.0, at, {"TrainingJobName": "other"})])
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="rmse",
        Dimensions=[{"Name": "TrainingJobName", "Value": "job"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Average", "SampleCount"],
    )["Datapoints"]
    assert [(point["Average"], point["SampleCount"]) for point in found] == [(1.5, 2.0)]


def test_a_statistic_set_counts_as_all_its_values(aws: Mounted, metrics: MetricSink) -> None:
    now = datetime.now(UTC)
    dimensions = {"EndpointName": "e"}
    metrics.put(SCOPE, "AWS/SageMaker", [StatisticSet("Latency", 30.0, 5.0, 15.0, 3, now.timestamp(), dimensions)])
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Latency",
        Dimensions=[{"Name": "EndpointName", "Value": "e"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum", "Minimum", "Maximum", "SampleCount"],
    )["Datapoints"]
    assert [(p["Sum"], p["Minimum"], p["Maximum"], p["SampleCount"]) for p in found] == [(30.0, 5.0, 15.0, 3.0)]


def test_what_is_in_a_stream_can_be_asked_for(logs: LogSink) -> None:
    assert list(logs.written(SCOPE, GROUP, "s")) == []
    logs.write(SCOPE, GROUP, "s", [Line(1.0, "one"), Line(2.5, "two")])
    logs.write(SCOPE, GROUP, "another", [Line(1.0, "of another")])
    assert sorted(logs.written(SCOPE, GROUP, "s")) == [(1000, "one"), (2500, "two")]
    assert list(logs.written(SCOPE, "no group", "s")) == []


def test_what_was_recorded_of_a_job_can_be_asked_for(metrics: MetricSink) -> None:
    mine, other = {"TrainingJobName": "mine"}, {"TrainingJobName": "other"}
    metrics.put(
        SCOPE, GROUP, [Datum("loss", 0.5, 1.25, mine), Datum("loss", 0.4, 2.0, mine), Datum("loss", 1, 1, other)]
    )
    metrics.put(SCOPE, "another", [Datum("loss", 0.5, 9, mine)])
    assert sorted(metrics.recorded(SCOPE, GROUP, mine)) == [(1250, "loss"), (2000, "loss")]
