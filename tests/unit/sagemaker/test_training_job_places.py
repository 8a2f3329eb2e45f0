"""Where a job's files lie, and what its container is shown beyond its own directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.engines.port import Mount
from emulator.errors import ValidationException
from emulator.optml.layout import Layout
from emulator.optml.s3uri import S3Uri
from emulator.sagemaker.training_job import file_systems, places
from emulator.sagemaker.training_job.life import NOUN
from emulator.settings import Settings
from emulator.state.store import Key, Resource


def job(**request: Any) -> Resource:
    key = Key(Scope("123456789012", "us-east-1"), NOUN, "job")
    return Resource(key, "u1", "arn", "InProgress", 0.0, 0.0, request)


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ("/opt/ml/checkpoints/", "ml/checkpoints"),
        ("/opt/ml/output/tensors", "ml/output/tensors"),
    ],
)
def test_what_lies_right_below_a_directory_of_the_container_is_there(tmp_path: Path, inside: str, place: str) -> None:
    assert places.local(Layout(tmp_path), inside) == tmp_path / place


def test_every_other_directory_has_a_place_of_its_own_out_of_the_containers_reach(tmp_path: Path) -> None:
    others = ["/opt/ml/own", "/tmp/a/b", "/tmp/a-b", "/opt/ml/model/deep/er"]
    found = {places.local(Layout(tmp_path), inside) for inside in others}
    assert {path.parent for path in found} == {tmp_path / "mounts"}
    assert len(found) == len(others)


def test_nothing_is_synced_unless_the_request_says_so() -> None:
    assert places.synced(job()) == {}


def test_checkpoints_tensors_and_boards_have_their_places_in_s3() -> None:
    found = places.synced(
        job(
            CheckpointConfig={"S3Uri": "s3://b/c", "LocalPath": "/own"},
            DebugHookConfig={"S3OutputPath": "s3://b/d/"},
            TensorBoardOutputConfig={"S3OutputPath": "s3://b/t", "LocalPath": "/logs"},
        )
    )
    assert found == {
        "/own": S3Uri("b", "c"),
        "/opt/ml/output/tensors": S3Uri("b", "d/job/debug-output"),
        "/logs": S3Uri("b", "t/job/tensorboard-output"),
    }


def test_only_what_lies_beside_the_containers_own_directories_is_mounted(tmp_path: Path) -> None:
    resource = job(
        CheckpointConfig={"S3Uri": "s3://b/c"},
        TensorBoardOutputConfig={"S3OutputPath": "s3://b/t", "LocalPath": "/logs"},
    )
    assert places.mounts(Layout(tmp_path), resource) == [Mount("/logs", places.local(Layout(tmp_path), "/logs"))]


def file_system(directory: str, mode: str = "ro") -> dict[str, Any]:
    source = {"FileSystemId": "fs-01234567", "DirectoryPath": directory, "FileSystemAccessMode": mode}
    return {"ChannelName": "train", "DataSource": {"FileSystemDataSource": source}}


@pytest.mark.parametrize(("mode", "read_only"), [("ro", True), ("rw", False)])
def test_a_file_system_may_be_a_link_to_the_users_data(tmp_path: Path, mode: str, read_only: bool) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "fs-01234567").symlink_to(tmp_path / "data")
    settings, channel = Settings(file_systems=str(tmp_path / "systems")), file_system("/deep", mode)
    file_systems.require_directory(settings, channel)
    wanted = Mount("/in", tmp_path / "data" / "deep", read_only=read_only, users=True)
    assert file_systems.mount(settings, channel, "/in") == wanted


@pytest.mark.parametrize("directory", ["/missing", "/../fs-76543210", "/out"])
def test_a_file_system_does_not_lead_out_of_itself(tmp_path: Path, directory: str) -> None:
    for name in ("fs-01234567", "fs-76543210"):
        (tmp_path / name).mkdir()
    (tmp_path / "fs-01234567" / "out").symlink_to("/etc")
    with pytest.raises(ValidationException, match="--file-systems"):
        file_systems.require_directory(Settings(file_systems=str(tmp_path)), file_system(directory))
