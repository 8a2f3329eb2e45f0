"""What is kept, beyond that something survives: order, identity, refusals for want of space, accounts and secrets."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.cloud.services.record import recorder
from tests.mounted import ACCOUNT, REGION
from tests.unit.cloud.services.harness import Kept, kept
from tests.unit.cloud.services.making import TRUST


def url_of(running: Kept, queue: str) -> str:
    """A queue's URL names the port, which changes."""
    return f"{running.url}/{ACCOUNT}/{queue}"


def put_lines(logs: Any, *lines: str) -> None:
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now, "message": line} for line in lines]
    )


def lines_of(logs: Any) -> list[str]:
    page = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True, limit=10_000)
    return [event["message"] for event in page["events"]]


def make_stream(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")


def test_message_is_received_deleted_and_gone_after_a_restart(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        sqs = running.client("sqs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        for body in ("first", "second"):
            sqs.send_message(QueueUrl=url, MessageBody=body)
        message = sqs.receive_message(QueueUrl=url)["Messages"][0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    with kept(tmp_path) as running:
        found = running.client("sqs").receive_message(QueueUrl=url_of(running, "q"), MaxNumberOfMessages=10)["Messages"]
        assert [each["Body"] for each in found] == ["second"]


def test_dead_letter_queue_is_the_queue_itself_after_a_restart(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        sqs = running.client("sqs")
        sqs.create_queue(QueueName="dead")
        redrive = f'{{"deadLetterTargetArn": "arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": "1"}}'
        url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"})[
            "QueueUrl"
        ]
        sqs.send_message(QueueUrl=url, MessageBody="poison")
    with kept(tmp_path) as running:
        sqs = running.client("sqs")
        while "Messages" in sqs.receive_message(QueueUrl=url_of(running, "q")):
            pass
        assert sqs.receive_message(QueueUrl=url_of(running, "dead"))["Messages"][0]["Body"] == "poison"


def test_what_another_service_sends_is_kept(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        running.client("sqs").create_queue(QueueName="q")
        topic = running.client("sns").create_topic(Name="t")["TopicArn"]
        subscriber = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
        running.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscriber)
        running.client("sns").publish(TopicArn=topic, Message="hello")
    with kept(tmp_path) as running:
        found = running.client("sqs").receive_message(QueueUrl=url_of(running, "q"))["Messages"]
        assert "hello" in found[0]["Body"]


def test_stream_that_is_made_again_has_none_of_the_old_lines(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        logs = running.client("logs")
        make_stream(logs)
        put_lines(logs, *(str(number) for number in range(700)))
        logs.delete_log_group(logGroupName="g")
        make_stream(logs)
        put_lines(logs, "new")
    with kept(tmp_path) as running:
        logs = running.client("logs")
        assert lines_of(logs) == ["new"]
        put_lines(logs, "newer")
    with kept(tmp_path) as running:
        assert lines_of(running.client("logs")) == ["new", "newer"]


def test_event_ids_go_on_after_a_restart(tmp_path: Path) -> None:
    def ids(logs: Any) -> list[int]:
        return [int(event["eventId"]) for event in logs.filter_log_events(logGroupName="g")["events"]]

    with kept(tmp_path) as running:
        make_stream(running.client("logs"))
        put_lines(running.client("logs"), "a", "b")
    from moto.logs.models import LogEvent

    LogEvent._event_id = 0  # as in a new process
    with kept(tmp_path) as running:
        put_lines(running.client("logs"), "c")
        found = ids(running.client("logs"))
        assert len(set(found)) == 3
        assert found == sorted(found)


def test_stack_made_before_a_restart_is_deleted_with_its_queue(tmp_path: Path) -> None:
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}}}'
    with kept(tmp_path) as running:
        running.client("cloudformation").create_stack(StackName="s", TemplateBody=template)
    with kept(tmp_path) as running:
        running.client("cloudformation").delete_stack(StackName="s")
        assert "QueueUrls" not in running.client("sqs").list_queues()
    with kept(tmp_path) as running:
        assert "QueueUrls" not in running.client("sqs").list_queues()


def test_reset_is_kept(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        running.client("sqs").create_queue(QueueName="q")
        running.reset()
        running.client("sns").create_topic(Name="t")
    with kept(tmp_path) as running:
        assert "QueueUrls" not in running.client("sqs").list_queues()
        assert len(running.client("sns").list_topics()["Topics"]) == 1


def test_account_and_secret_of_a_key_are_known_after_a_restart(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        running.client("iam").create_user(UserName="ann")
        key = running.client("iam").create_access_key(UserName="ann")["AccessKey"]
        role = "arn:aws:iam::999988887777:role/theirs"
        session = running.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    with kept(tmp_path) as running:
        accounts = running.services.access_keys()
        assert accounts == {key["AccessKeyId"]: ACCOUNT, session["AccessKeyId"]: "999988887777"}
        assert running.services.secret_of(key["AccessKeyId"]) == (key["SecretAccessKey"], None)
        secret, token = session["SecretAccessKey"], session["SessionToken"]
        assert running.services.secret_of(session["AccessKeyId"]) == (secret, token)
        assert running.services.secret_of("AKIANOBODY") is None


def test_what_a_thread_of_motos_own_changes_is_stored_with_the_next_commit(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        running.client("sqs").list_queues()

        def work() -> None:
            from moto.sqs.models import sqs_backends

            sqs_backends[ACCOUNT][REGION].create_queue("made-by-a-thread", {})

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        running.client("sns").list_topics()
        assert not recorder.take_stray()
    with kept(tmp_path) as running:
        assert len(running.client("sqs").list_queues()["QueueUrls"]) == 1


def test_request_that_only_reads_writes_nothing(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        logs = running.client("logs")
        make_stream(logs)
        put_lines(logs, "a")
        before = running.db.total_changes
        assert lines_of(logs) == ["a"]
        logs.describe_log_groups()
        assert running.db.total_changes == before


Change = Callable[[Kept], object]

CHANGES: dict[str, Change] = {
    "a new queue": lambda it: it.client("sqs").create_queue(QueueName="new"),
    "a message": lambda it: it.client("sqs").send_message(QueueUrl=url_of(it, "q"), MessageBody="x"),
    "a deleted queue": lambda it: it.client("sqs").delete_queue(QueueUrl=url_of(it, "q")),
    "a role": lambda it: it.client("iam").create_role(RoleName="new", AssumeRolePolicyDocument=TRUST),
    "lines": lambda it: put_lines(it.client("logs"), "b", "c"),
    "a deleted group": lambda it: it.client("logs").delete_log_group(logGroupName="g"),
    "a metric": lambda it: it.client("cloudwatch").put_metric_data(
        Namespace="N", MetricData=[{"MetricName": "new", "Value": 1}]
    ),
    "a topic, of a service without any state": lambda it: it.client("sns").create_topic(Name="t"),
}


def as_seen(running: Kept) -> list[object]:
    """Everything that the changes above could change."""
    sqs, names = running.client("sqs"), ["ApproximateNumberOfMessages"]
    return [
        sqs.list_queues()["QueueUrls"],
        sqs.get_queue_attributes(QueueUrl=url_of(running, "q"), AttributeNames=names)["Attributes"],
        running.client("iam").list_roles()["Roles"],
        lines_of(running.client("logs")),
        running.client("cloudwatch").list_metrics()["Metrics"],
        running.client("sns").list_topics()["Topics"],
    ]


@pytest.mark.parametrize("name", CHANGES)
def test_change_that_finds_no_space_has_not_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with kept(tmp_path) as running:
        sqs = running.client("sqs")
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName="q")["QueueUrl"], MessageBody="first")
        make_stream(running.client("logs"))
        put_lines(running.client("logs"), "a")
        before = as_seen(running)
        with monkeypatch.context() as no_space:
            for write in ("put_unit", "drop", "cut_segments"):
                no_space.setattr(running.rows, write, full)
            with pytest.raises(ClientError, match="database or disk is full"):
                CHANGES[name](running)
        assert as_seen(running) == before
        CHANGES[name](running)  # there is space again


def test_unpicklable_state_is_refused_and_has_not_happened(tmp_path: Path) -> None:
    with kept(tmp_path) as running:
        running.client("sqs").create_queue(QueueName="q")
        from moto.sqs.models import sqs_backends

        with running.services.recording() as touched:
            sqs_backends[ACCOUNT][REGION].queues["q"].tags = {"a": (each for each in "generator")}
            with pytest.raises(OSError, match="sqs cannot be stored"):
                running.services.commit(touched)
        assert not running.client("sqs").list_queue_tags(QueueUrl=url_of(running, "q")).get("Tags")
