"""Directories that S3 is to hold as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.objects.port import ObjectStore
from emulator.optml import mirror
from emulator.optml.mirror import Mirror, Mirroring
from emulator.optml.s3uri import S3Uri
from tests.mounted import ACCOUNT, REGION, mounted
from tests.running import until

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
TARGET = S3Uri(BUCKET, "checkpoints/run")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    with mounted(tmp_path / "aws") as running:
        yield running.cloud.objects


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "checkpoints"
    made.mkdir()
    return made


def mirrored(store: ObjectStore, directory: Path) -> Mirror:
    return Mirror(store, ACCOUNT, directory, TARGET, directory.parent / "record")


def keys(store: ObjectStore) -> list[str]:
    return [found.key.removeprefix("checkpoints/") for found in store.list(BUCKET, "checkpoints/")]


def content(store: ObjectStore, path: str) -> bytes:
    with store.open(BUCKET, f"checkpoints/run/{path}") as body:
        return body.read()


def test_new_changed_and_vanished_files_are_followed(store: ObjectStore, directory: Path) -> None:
    mirror = mirrored(store, directory)
    (directory / "deep").mkdir()
    (directory / "deep" / "a").write_text("1")
    (directory / "b").write_text("2")
    mirror.once()
    assert keys(store) == ["run/b", "run/deep/a"]
    (directory / "b").write_text("changed")
    (directory / "deep" / "a").unlink()
    mirror.once()
    assert keys(store) == ["run/b"]
    assert content(store, "b") == b"changed"


def test_what_has_not_changed_is_not_uploaded_again(store: ObjectStore, directory: Path) -> None:
    (directory / "a").write_text("1")
    mirrored(store, directory).once()
    store.put(BUCKET, "checkpoints/run/a", b"by somebody else")
    mirrored(store, directory).once()  # a restarted emulator's
    assert content(store, "a") == b"by somebody else"


def test_a_deletion_is_noticed_by_a_restarted_emulator(store: ObjectStore, directory: Path) -> None:
    (directory / "a").write_text("1")
    mirrored(store, directory).once()
    (directory / "a").unlink()
    mirrored(store, directory).once()
    assert keys(store) == []


def test_what_another_host_left_is_not_touched(store: ObjectStore, directory: Path) -> None:
    store.put(BUCKET, "checkpoints/run/other", b"x")
    (directory / "a").write_text("1")
    mirrored(store, directory).once()
    assert keys(store) == ["run/a", "run/other"]


def test_what_was_brought_down_is_known_and_can_be_deleted(store: ObjectStore, directory: Path) -> None:
    for key in ("run/old", "run/deep/kept", "run-10/of-another-run"):
        store.put(BUCKET, f"checkpoints/{key}", b"x")
    mirror.bring(store, ACCOUNT, TARGET, directory)
    assert sorted(str(path.relative_to(directory)) for path in directory.rglob("*")) == ["deep", "deep/kept", "old"]
    own = mirrored(store, directory)
    own.began()
    (directory / "old").unlink()
    own.once()
    assert keys(store) == ["run-10/of-another-run", "run/deep/kept"]


def test_an_unfinished_checkpoint_is_left_alone(store: ObjectStore, directory: Path) -> None:
    (directory / ".a.sagemaker-ignore").write_text("1")
    (directory / "b").write_text("1")
    mirrored(store, directory).once()
    assert keys(store) == ["run/b"]


def test_links_and_pipes_are_left_alone(store: ObjectStore, directory: Path) -> None:
    (directory / "link").symlink_to("/etc/hostname")
    (directory / "folder").symlink_to("/etc")
    os.mkfifo(directory / "pipe")
    (directory / "a").write_text("1")
    mirrored(store, directory).once()
    assert keys(store) == ["run/a"]


def test_a_directory_that_is_not_there_is_empty(store: ObjectStore, directory: Path) -> None:
    (directory / "a").write_text("1")
    own = mirrored(store, directory)
    own.once()
    (directory / "a").unlink()
    directory.rmdir()
    own.once()
    assert keys(store) == []


def test_directories_are_followed_while_somebody_works_in_them(store: ObjectStore, directory: Path) -> None:
    with Mirroring([mirrored(store, directory)]).running():
        (directory / "new").write_text("1")
        until(lambda: keys(store) == ["run/new"], what="the new file is in S3")


def test_what_goes_wrong_is_told_and_does_not_hold_up_other_mirrors(store: ObjectStore, directory: Path) -> None:
    (directory / "a").write_text("1")
    nowhere = Mirror(store, ACCOUNT, directory, S3Uri("no-such-bucket", "x"), directory.parent / "other")
    trouble = Mirroring([nowhere, mirrored(store, directory)]).once()
    assert str(trouble) == "The specified bucket does not exist"
    assert keys(store) == ["run/a"]
