"""``kill -9`` in the middle of writing to several services: what was acknowledged is there, in order."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.unit.cloud.services.test_survive import served

ENOUGH = 25


class Writer(threading.Thread):
    """Writes numbers until the server dies; ``acknowledged`` is how many it got an answer for."""

    def __init__(self, write: Callable[[int], object]) -> None:
        super().__init__()
        self._write = write
        self.acknowledged = 0
        self.enough = threading.Event()

    def run(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            for number in range(100_000):
                self._write(number)
                self.acknowledged = number + 1
                if number == ENOUGH:
                    self.enough.set()


def send(sqs: Any) -> Callable[[int], object]:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    return lambda number: sqs.send_message(QueueUrl=url, MessageBody=str(number))


def say(logs: Any) -> Callable[[int], object]:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    where = {"logGroupName": "g", "logStreamName": "s"}
    return lambda number: logs.put_log_events(
        **where, logEvents=[{"timestamp": int(time.time() * 1000), "message": f"{number}-{part}"} for part in range(20)]
    )


def measure(cloudwatch: Any) -> Callable[[int], object]:
    return lambda number: cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": number}])


def push(ecr: Any) -> Callable[[int], object]:
    ecr.create_repository(repositoryName="repo")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    return lambda number: ecr.put_image(
        repositoryName="repo",
        imageTag=f"v{number}",
        imageManifest=json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": [], "number": number}),
    )


def sent(sqs: Any) -> int:
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    names = ["ApproximateNumberOfMessages"]
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]])


def said(logs: Any) -> int:
    page = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True, limit=10_000)
    found = [event["message"] for event in page["events"]]
    assert found == [f"{number // 20}-{number % 20}" for number in range(len(found))]
    return len(found) // 20


def measured(cloudwatch: Any) -> int:
    span = {"StartTime": "2020-01-01", "EndTime": "2099-01-01", "Period": 86400 * 365 * 100}
    found = cloudwatch.get_metric_statistics(Namespace="N", MetricName="m", Statistics=["SampleCount"], **span)
    return int(found["Datapoints"][0]["SampleCount"])


def pushed(ecr: Any) -> int:
    pages = ecr.get_paginator("describe_images").paginate(repositoryName="repo")
    tags = {tag for page in pages for image in page["imageDetails"] for tag in image["imageTags"]}
    assert tags == {f"v{number}" for number in range(len(tags))}
    return len(tags)


SERVICES: dict[str, tuple[Callable[[Any], Callable[[int], object]], Callable[[Any], int]]] = {
    "sqs": (send, sent),
    "logs": (say, said),
    "cloudwatch": (measure, measured),
    "ecr": (push, pushed),
}


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    with served(tmp_path) as (client, process):
        writers = {name: Writer(write(client(name))) for name, (write, _) in SERVICES.items()}
        for writer in writers.values():
            writer.start()
        assert all(writer.enough.wait(60) for writer in writers.values())
        process.send_signal(signal.SIGKILL)
        for writer in writers.values():
            writer.join()
    with served(tmp_path) as (client, _):
        for name, (_, count) in SERVICES.items():
            acknowledged = writers[name].acknowledged
            assert count(client(name)) in (acknowledged, acknowledged + 1), name
