"""Disks that are full, read-only or damaged: a clear error, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.disks import Disk, mounted_disk
from tests.e2e.conftest import Starter
from tests.running import ROLE, XGBOOST, RunningEmulator, channel, ended, refusal, training_request

pytestmark = pytest.mark.slow

BODIES = {f"small/{number:03}": b"%d" % number * 50 for number in range(100)} | {"big": b"0123456789" * 40_000}
MODELS = [f"model-{number:03}" for number in range(100)]
NO_SPACE = r"(?i)no space left on device|disk is full"
DATABASES = ("emulator.db", "cloud.sqlite3")
PART = 5 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted_disk(tmp_path / "disk", 64 << 20) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of an emulator that has ended in order, with objects and models."""
    directory = tmp_path_factory.mktemp("kept") / "data"
    emulator = RunningEmulator("process", directory).start()
    write(emulator)
    assert emulator.stop() == 0, emulator.log()
    return directory


@pytest.fixture
def data_dir(kept: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(kept, tmp_path / "data"))


def write(emulator: RunningEmulator) -> None:
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    s3.create_bucket(Bucket="bucket")
    for key, body in BODIES.items():
        s3.put_object(Bucket="bucket", Key=key, Body=body)
    for name in MODELS:
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)


def assert_all_there(emulator: RunningEmulator) -> None:
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    listed = s3.list_objects_v2(Bucket="bucket")["Contents"]
    assert {found["Key"]: found["Size"] for found in listed} == {key: len(body) for key, body in BODIES.items()}
    for key, body in BODIES.items():
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
    models = sagemaker.get_paginator("list_models").paginate(SortBy="Name", SortOrder="Ascending")
    assert [model["ModelName"] for page in models for model in page["Models"]] == MODELS


def blobs(data_dir: Path) -> dict[str, bytes]:
    """Every file that holds bytes of objects."""
    return {str(path): path.read_bytes() for path in (data_dir / "objects").rglob("*") if path.is_file()}


# Full disks


def refused(call: Callable[..., Any], **members: Any) -> ClientError:
    with pytest.raises(ClientError, match=NO_SPACE) as caught:
        call(**members)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    return caught.value


@pytest.mark.parametrize("free", [0, 3 << 20], ids=["no room at all", "room for some of it"])
def test_a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing(disk: Disk, start: Starter, free: int) -> None:
    emulator = start(disk.path / "data")
    write(emulator)
    s3 = emulator.client("s3")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="joined")["UploadId"]
    named = {"Bucket": "bucket", "Key": "joined", "UploadId": upload}
    first = s3.upload_part(**named, PartNumber=1, Body=b"1" * PART)["ETag"]
    before = blobs(emulator.data_dir)
    disk.fill(free)
    refused(s3.put_object, Bucket="bucket", Key="new", Body=bytes(8 << 20))
    refused(s3.put_object, Bucket="bucket", Key="big", Body=bytes(8 << 20))
    refused(s3.upload_part, **named, PartNumber=2, Body=b"2" * PART)
    assert_all_there(emulator)
    assert blobs(emulator.data_dir) == before
    disk.ballast.unlink()
    assert_all_there(emulator)
    second = s3.upload_part(**named, PartNumber=2, Body=b"2" * PART)["ETag"]
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="bucket", Key="joined")["Body"].read() == b"1" * PART + b"2" * PART
    s3.delete_object(Bucket="bucket", Key="joined")
    emulator.kill()
    assert_all_there(emulator.start())
    assert emulator.stop() == 0, emulator.log()


def test_on_a_full_disk_small_changes_happen_or_are_refused_and_nothing_else(disk: Disk, start: Starter) -> None:
    emulator = start(disk.path / "data")
    write(emulator)
    disk.fill()
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    stored = acknowledged(lambda number: s3.put_object(Bucket="bucket", Key=f"tiny-{number}", Body=b"tiny"))
    made = acknowledged(
        lambda number: sagemaker.create_model(
            ModelName=f"tiny-{number}", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE
        )
    )
    disk.ballast.unlink()
    emulator.kill()
    emulator.start()
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    found = s3.list_objects_v2(Bucket="bucket", Prefix="tiny-").get("Contents", [])
    assert {one["Key"] for one in found} == {f"tiny-{number}" for number in stored}
    pages = sagemaker.get_paginator("list_models").paginate(NameContains="tiny-")
    assert {one["ModelName"] for page in pages for one in page["Models"]} == {f"tiny-{number}" for number in made}
    s3.put_object(Bucket="bucket", Key="tiny", Body=b"tiny")
    assert emulator.stop() == 0, emulator.log()


def acknowledged(change: Callable[[int], Any]) -> list[int]:
    """The numbers of the changes that were answered until one found no space."""
    done: list[int] = []

    def change_on() -> None:
        for number in range(2000):  # a database may have some pages left that nobody uses
            change(number)
            done.append(number)

    refused(change_on)
    return done


@pytest.mark.parametrize("directory", ["data", "new"])
def test_a_start_on_a_full_disk_is_refused_and_loses_nothing(
    disk: Disk, start: Starter, kept: Path, directory: str
) -> None:
    shutil.copytree(kept, disk.path / "data")
    disk.fill()
    line = refusal(disk.path / directory)
    assert re.search(NO_SPACE, line), line
    assert str(disk.path / directory) in line
    disk.ballast.unlink()
    emulator = start(disk.path / "data")
    assert_all_there(emulator)
    assert emulator.stop() == 0, emulator.log()


# Read-only disks


@pytest.mark.parametrize("directory", ["data", "new"])
def test_a_read_only_data_directory_is_refused_in_one_line(
    disk: Disk, start: Starter, kept: Path, directory: str
) -> None:
    shutil.copytree(kept, disk.path / "data")
    disk.mode("ro")
    line = refusal(disk.path / directory)
    assert "Read-only file system" in line
    assert str(disk.path / directory) in line
    assert "--data-dir" in line
    disk.mode("rw")
    emulator = start(disk.path / "data")
    assert_all_there(emulator)
    assert emulator.stop() == 0, emulator.log()


# Damaged files


def garbage_as_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"this is not a database" * 20)


def garbage_in_the_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(os.urandom(size // 2))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [garbage_as_header, garbage_in_the_middle, cut_in_half])
@pytest.mark.parametrize("name", DATABASES)
def test_a_damaged_database_is_refused_left_alone_and_can_be_put_back(
    data_dir: Path, start: Starter, name: str, damage: Callable[[Path], None]
) -> None:
    path, objects = data_dir / name, blobs(data_dir)
    good = path.read_bytes()
    damage(path)
    damaged = path.read_bytes()
    line = refusal(data_dir)
    assert str(path) in line
    assert "damaged" in line
    assert "--data-dir" in line
    assert path.read_bytes() == damaged
    assert blobs(data_dir) == objects
    path.write_bytes(good)
    emulator = start(data_dir)
    assert_all_there(emulator)
    assert emulator.stop() == 0, emulator.log()


@pytest.fixture(params=[cut_in_half, Path.unlink], ids=["cut in half", "gone"])
def torn(request: pytest.FixtureRequest, data_dir: Path, start: Starter) -> Iterator[RunningEmulator]:
    """An emulator with a damaged file of the object ``big``."""
    biggest = max((data_dir / "objects").rglob("*"), key=lambda path: path.stat().st_size * path.is_file())
    assert biggest.stat().st_size == len(BODIES["big"])
    request.param(biggest)
    emulator = start(data_dir)
    yield emulator
    assert emulator.stop() == 0, emulator.log()


def test_an_object_whose_bytes_are_damaged_is_an_error_and_no_torn_answer(torn: RunningEmulator) -> None:
    s3 = torn.client("s3")
    with pytest.raises(ClientError, match=r"(?i)damaged") as caught:
        s3.get_object(Bucket="bucket", Key="big")
    assert caught.value.response["Error"]["Code"] == "InternalError"
    s3.put_object(Bucket="bucket", Key="big", Body=BODIES["big"])  # which mends it
    assert_all_there(torn)


def test_a_job_whose_input_is_damaged_fails_with_the_reason(torn: RunningEmulator) -> None:
    inputs = [channel("train", "s3://bucket/big")]
    torn.client("sagemaker").create_training_job(**training_request("job", "bucket", InputDataConfig=inputs))
    job = ended(torn.client("sagemaker"), "job")
    assert job["TrainingJobStatus"] == "Failed"
    assert "Data download failed" in job["FailureReason"]
    assert "s3://bucket/big" in job["FailureReason"]
