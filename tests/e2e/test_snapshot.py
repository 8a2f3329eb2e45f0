"""A snapshot shows every client what the emulator had that it was taken from."""

from __future__ import annotations

import hashlib
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.command import refused, run
from tests.running import ROLE, XGBOOST, RunningEmulator

MODEL = {"PrimaryContainer": {"Image": XGBOOST}, "ExecutionRoleArn": ROLE}
PART = b"p" * (5 << 20)


@contextmanager
def running(data_dir: Path, *options: str) -> Iterator[RunningEmulator]:
    emulator = RunningEmulator("process", data_dir, *options).start()
    try:
        yield emulator
    finally:
        assert emulator.stop() == 0, emulator.log()


def fill(emulator: RunningEmulator) -> None:
    """Something of everything that is kept."""
    fill_s3(emulator.client("s3"))
    iam, sqs, logs = (emulator.client(name) for name in ("iam", "sqs", "logs"))
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument="{}", Tags=[{"Key": "team", "Value": "ml"}])
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName="queue")["QueueUrl"], MessageBody="hello")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    events = [{"timestamp": 1_700_000_000_000 + number, "message": f"line {number}"} for number in range(3)]
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=events)
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_model(ModelName="m", **MODEL, Tags=[{"Key": "stage", "Value": "test"}])
    variants = [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)


def fill_s3(s3: Any) -> None:
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"small", os.urandom(300_000), b""):
        s3.put_object(Bucket="bucket", Key="a/ü", Body=body, Metadata={"size": str(len(body))}, Tagging="a=b")
    s3.delete_object(Bucket="bucket", Key="a/ü")
    s3.put_object(Bucket="bucket", Key="deleted", Body=b"x" * 50_000)
    upload = s3.create_multipart_upload(Bucket="bucket", Key="open")["UploadId"]
    for number in (2, 1):
        s3.upload_part(Bucket="bucket", Key="open", UploadId=upload, PartNumber=number, Body=PART)


def seen(emulator: RunningEmulator) -> dict[str, object]:
    """Everything that a client sees of what `fill` made."""
    iam, sqs, logs, sagemaker = (emulator.client(name) for name in ("iam", "sqs", "logs", "sagemaker"))
    queue = sqs.get_queue_url(QueueName="queue")["QueueUrl"].rpartition("/")[2]
    count = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    model = sagemaker.describe_model(ModelName="m")
    return {
        "s3": seen_s3(emulator.client("s3")),
        "roles": iam.list_roles()["Roles"],
        "role tags": iam.list_role_tags(RoleName="mine")["Tags"],
        "queue": (queue, count),
        "logs": logs.get_log_events(logGroupName="group", logStreamName="stream")["events"],
        "model": without_reply(model),
        "tags": sagemaker.list_tags(ResourceArn=model["ModelArn"])["Tags"],
        "configuration": without_reply(sagemaker.describe_endpoint_config(EndpointConfigName="c")),
    }


def seen_s3(s3: Any) -> list[object]:
    listed = s3.list_object_versions(Bucket="bucket")
    buckets = [bucket for bucket in s3.list_buckets()["Buckets"] if bucket["Name"] != "written"]
    found: list[object] = [buckets, listed["Versions"], listed["DeleteMarkers"]]
    for version in listed["Versions"]:
        which = {"Bucket": "bucket", "Key": version["Key"], "VersionId": version["VersionId"]}
        got = s3.get_object(**which)
        found += [got["Body"].read(), got["Metadata"], s3.get_object_tagging(**which)["TagSet"]]
    for upload in s3.list_multipart_uploads(Bucket="bucket")["Uploads"]:
        which = {"Bucket": "bucket", "Key": upload["Key"], "UploadId": upload["UploadId"]}
        found += [upload["UploadId"], s3.list_parts(**which)["Parts"]]
    return found


def without_reply(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def complete(s3: Any) -> bytes:
    """Complete the open upload; answers its bytes."""
    (upload,) = s3.list_multipart_uploads(Bucket="bucket")["Uploads"]
    which = {"Bucket": "bucket", "Key": "open", "UploadId": upload["UploadId"]}
    parts = [{name: part[name] for name in ("PartNumber", "ETag")} for part in s3.list_parts(**which)["Parts"]]
    s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})
    body: bytes = s3.get_object(Bucket="bucket", Key="open")["Body"].read()
    return body


class Writer(threading.Thread):
    """Puts an object, then makes the model that names it, again and again; overwrites a key of its own as well."""

    def __init__(self, emulator: RunningEmulator, number: int) -> None:
        super().__init__()
        self._s3, self._sagemaker = emulator.client("s3"), emulator.client("sagemaker")
        self._number = number
        self.ending = threading.Event()
        self.warm = threading.Event()
        self.done = 0

    def run(self) -> None:
        while not self.ending.is_set():
            body = os.urandom(100 if self.done % 2 else 40_000)
            told = {"Body": body, "Metadata": {"sha": hashlib.sha256(body).hexdigest()}}
            for key in (f"{self._number}-{self.done}", f"{self._number}-again"):
                self._s3.put_object(Bucket="written", Key=key, **told)
            self._sagemaker.create_model(ModelName=f"w-{self._number}-{self.done}", **MODEL)
            self.done += 1
            if self.done >= 5:
                self.warm.set()


@contextmanager
def written_to(emulator: RunningEmulator) -> Iterator[list[Writer]]:
    emulator.client("s3").create_bucket(Bucket="written")
    writers = [Writer(emulator, number) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        assert all(writer.warm.wait(60) for writer in writers)
        yield writers
    finally:
        for writer in writers:
            writer.ending.set()
        for writer in writers:
            writer.join()


def test_a_snapshot_of_a_busy_emulator_is_its_whole_state_at_one_moment(tmp_path: Path) -> None:
    file = tmp_path / "state.tar.gz"
    with running(tmp_path / "one") as emulator:
        fill(emulator)
        before = seen(emulator)
        with written_to(emulator) as writers:
            acknowledged = [writer.done for writer in writers]
            run("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
        assert seen(emulator) == before
    run("snapshot", "load", str(file), "--data-dir", str(tmp_path / "two"))
    with running(tmp_path / "two") as emulator:
        assert seen(emulator) == before
        must_be_one_moment(emulator, acknowledged)
        assert complete(emulator.client("s3")) == PART * 2


def must_be_one_moment(emulator: RunningEmulator, acknowledged: list[int]) -> None:
    """What was acknowledged before is there, every object is whole, and no model is older than its object."""
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="written")
    keys = {found["Key"] for page in pages for found in page["Contents"]}
    for key in keys:
        got = s3.get_object(Bucket="written", Key=key)
        assert hashlib.sha256(got["Body"].read()).hexdigest() == got["Metadata"]["sha"]
    pages = sagemaker.get_paginator("list_models").paginate(NameContains="w-")
    models = {found["ModelName"].removeprefix("w-") for page in pages for found in page["Models"]}
    assert models >= {f"{number}-{turn}" for number, count in enumerate(acknowledged) for turn in range(count)}
    assert models <= keys


def test_a_data_directory_that_nobody_uses_is_saved_from_its_files(tmp_path: Path) -> None:
    with running(tmp_path / "one") as emulator:
        fill(emulator)
        before = seen(emulator)
        emulator.kill()
        file = tmp_path / "state.tar.gz"
        said = run("snapshot", "save", str(file), "--data-dir", str(tmp_path / "one"))
        assert said.startswith(f"Saved: {file} (")
        emulator.start()
        assert seen(emulator) == before
    run("snapshot", "load", str(file), "--data-dir", str(tmp_path / "two"))
    with running(tmp_path / "two") as emulator:
        assert seen(emulator) == before


def test_an_ephemeral_emulator_is_saved_by_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    file = tmp_path / "state.tar.gz"
    with running(tmp_path / "unused", "--ephemeral") as emulator:
        fill(emulator)
        before = seen(emulator)
        run("snapshot", "save", str(file), "--port", emulator.url.rpartition(":")[2])
    assert not (tmp_path / "unused").exists()
    run("snapshot", "load", str(file), "--data-dir", str(tmp_path / "two"))
    with running(tmp_path / "two") as emulator:
        assert seen(emulator) == before


def test_a_snapshot_is_its_users_alone_and_knows_no_emulators_id(tmp_path: Path) -> None:
    file = tmp_path / "state.tar.gz"
    with running(tmp_path / "one") as emulator:
        fill(emulator)
        run("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
        identity = (emulator.data_dir / "emulator-id").read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(tmp_path.iterdir()) == {tmp_path / "one", file}
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert names[:3] == ["manifest.json", "emulator.db", "cloud.sqlite3"]
    assert all(name.startswith("objects/") for name in names[3:])
    run("snapshot", "load", str(file), "--data-dir", str(tmp_path / "two"))
    for path in (tmp_path / "two").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.parent.parent.name == "objects", path
    with running(tmp_path / "two"):
        assert (tmp_path / "two" / "emulator-id").read_text() != identity


def test_another_account_or_region_is_told_where_a_snapshot_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "state.tar.gz"
    options = ("--account", "111122223333", "--region", "eu-west-1")
    with running(tmp_path / "one", *options) as emulator:
        emulator.client("s3", "eu-west-1").put_object(Bucket="sagemaker-eu-west-1-111122223333", Key="k", Body=b"x")
        run("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
    said = run("snapshot", "load", str(file), "--data-dir", str(tmp_path / "two"))
    assert f"`sagemaker-emulator up --data-dir {tmp_path / 'two'} --account 111122223333 --region eu-west-1`" in said


def test_loading_is_refused_where_an_emulator_runs_or_state_is(tmp_path: Path) -> None:
    file = tmp_path / "state.tar.gz"
    with running(tmp_path / "one") as emulator:
        fill(emulator)
        run("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
        before = seen(emulator)
        load = ("snapshot", "load", str(file), "--data-dir", str(tmp_path / "one"))
        assert "End it first, with `sagemaker-emulator down`" in refused(*load, "--force")
        emulator.client("s3").delete_object(Bucket="bucket", Key="deleted")
        emulator.client("sagemaker").delete_model(ModelName="m")
        emulator.client("s3").put_object(Bucket="bucket", Key="newer", Body=b"y" * 50_000)
        assert emulator.stop() == 0
        assert "holds state already. --force replaces it" in refused(*load)
        run(*load, "--force")
        emulator.start()
        assert seen(emulator) == before


def test_saving_what_is_not_there_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "state.tar.gz")
    assert "holds no state to save" in refused("snapshot", "save", file, "--data-dir", str(tmp_path / "none"))
    assert "No emulator runs there" in refused("snapshot", "save", file, "--port", "1")
    assert "cannot be read: No such file" in refused("snapshot", "load", file, "--data-dir", str(tmp_path / "none"))
    assert list(tmp_path.glob("state*")) == []
