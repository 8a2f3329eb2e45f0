"""S3 keeps up with a directory: new files, changed ones, and those that are gone."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.cloud.cloud import Cloud
from emulator.objects.port import NoSuchBucket, ObjectInfo
from emulator.optml.mirror import Mirror, Mirroring
from emulator.optml.s3uri import S3Uri
from tests.buckets import Bucket
from tests.mounted import ACCOUNT, REGION, mounted

TARGET = S3Uri("b", "ckpt/job/")


class Counting(Bucket):
    """Remembers what was uploaded and deleted; ``refusing`` what it should not take."""

    def __init__(self, **objects: bytes) -> None:
        super().__init__(**objects)
        self.done: list[str] = []
        self.refusing: set[str] = set()

    def put(self, bucket: str, key: str, body: bytes | BinaryIO, **how: Any) -> ObjectInfo:
        if key in self.refusing:
            raise NoSuchBucket(bucket)
        self.done.append(f"+{key}")
        return super().put(bucket, key, body, **how)

    def delete(self, bucket: str, key: str, *, account: str | None = None) -> None:
        self.done.append(f"-{key}")
        super().delete(bucket, key)


@pytest.fixture
def bucket() -> Counting:
    return Counting()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def mirror(bucket: Any, directory: Path) -> Mirror:
    """A mirror as a started, or restarted, emulator has it."""
    return Mirror(bucket, "1", directory, TARGET, directory.parent / "record.json")


def test_new_and_changed_files_go_up_once_as_they_are(bucket: Counting, directory: Path) -> None:
    kept = mirror(bucket, directory)
    (directory / "sub").mkdir()
    (directory / "sub" / "1").write_bytes(b"one")
    kept.once()
    kept.once()
    (directory / "sub" / "1").write_bytes(b"two")
    (directory / "2").write_bytes(b"")
    kept.once()
    assert bucket.done == ["+ckpt/job/sub/1", "+ckpt/job/2", "+ckpt/job/sub/1"]
    assert bucket.objects == {"ckpt/job/sub/1": b"two", "ckpt/job/2": b""}


def test_what_is_gone_here_goes_there_and_nothing_of_others(bucket: Counting, directory: Path) -> None:
    bucket.objects = {"ckpt/job/of another host": b"x", "ckpt/job-2/a": b"x"}
    kept = mirror(bucket, directory)
    (directory / "a").touch()
    kept.once()
    (directory / "a").unlink()
    kept.once()
    assert sorted(bucket.objects) == ["ckpt/job-2/a", "ckpt/job/of another host"]


def test_what_was_brought_down_is_not_sent_up_but_deleted_when_it_is_gone(bucket: Counting, directory: Path) -> None:
    bucket.objects = {"ckpt/job/a": b"a", "ckpt/job/sub/b": b"b", "ckpt/job-2/c": b"c"}
    kept = mirror(bucket, directory)
    kept.bring()
    assert {path.name for path in directory.rglob("*")} == {"a", "sub", "b"}
    bucket.objects["ckpt/job/later"] = b"x"
    kept.once()
    assert bucket.done == []
    (directory / "a").unlink()
    mirror(bucket, directory).once()
    assert bucket.done == ["-ckpt/job/a"]


def test_what_is_brought_down_is_open_to_any_user_and_begun_afresh(bucket: Counting, directory: Path) -> None:
    bucket.objects = {"ckpt/job/sub/a": b"a"}
    (directory / "half").touch()
    mirror(bucket, directory).bring()
    assert [path.relative_to(directory).as_posix() for path in directory.rglob("*")] == ["sub", "sub/a"]
    assert stat.S_IMODE((directory / "sub" / "a").stat().st_mode) == 0o666
    assert stat.S_IMODE((directory / "sub").stat().st_mode) == 0o777


def test_a_restarted_emulator_knows_what_is_up_and_what_is_gone(bucket: Counting, directory: Path) -> None:
    for name in "abc":
        (directory / name).touch()
    mirror(bucket, directory).once()
    (directory / "a").unlink()
    (directory / "b").write_bytes(b"changed")
    bucket.done.clear()
    mirror(bucket, directory).once()
    assert bucket.done == ["-ckpt/job/a", "+ckpt/job/b"]


def test_a_file_whose_upload_was_cut_off_by_a_kill_is_known(bucket: Counting, directory: Path) -> None:
    class Killed(BaseException):
        pass

    class Killing(Counting):
        def put(self, bucket: str, key: str, body: bytes | BinaryIO, **how: Any) -> ObjectInfo:
            super().put(bucket, key, body, **how)
            raise Killed

    (directory / "a").touch()
    with pytest.raises(Killed):
        mirror(killing := Killing(), directory).once()
    bucket.objects = killing.objects
    (directory / "a").unlink()
    mirror(bucket, directory).once()
    assert bucket.objects == {}


def test_links_and_pipes_are_left_alone(bucket: Counting, directory: Path) -> None:
    (directory.parent / "private").mkdir()
    (directory.parent / "private" / "key").touch()
    (directory / "file").symlink_to(directory.parent / "private" / "key")
    (directory / "folder").symlink_to(directory.parent / "private")
    (directory / os.fsdecode(b"\xff")).touch()
    os.mkfifo(directory / "pipe")
    mirror(bucket, directory).once()
    assert bucket.done == []


@pytest.mark.parametrize("becomes", ["gone", "link", "pipe", "directory"])
def test_a_file_that_vanishes_before_its_upload_is_no_error(
    bucket: Counting, directory: Path, becomes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = directory / "a"
    kept = mirror(bucket, directory)
    bucket.objects["ckpt/job/a"] = b"of another host"
    (directory / "0").touch()
    path.touch()

    def replace(*_: Any) -> ObjectInfo:
        if path.is_file():
            path.unlink()
            match becomes:
                case "link":
                    path.symlink_to("/etc/passwd")
                case "pipe":
                    os.mkfifo(path)
                case "directory":
                    path.mkdir()
        return ObjectInfo("", 0, "", 0.0)

    monkeypatch.setattr(Bucket, "put", lambda *given, **_: replace())
    kept.once()
    kept.once()
    assert bucket.done == ["+ckpt/job/0"]
    assert bucket.objects == {"ckpt/job/a": b"of another host"}


def test_a_file_that_grows_during_its_upload_goes_up_again(bucket: Counting, directory: Path) -> None:
    path = directory / "a"
    path.write_bytes(b"begun")

    class Slow(Counting):
        def put(self, bucket: str, key: str, body: bytes | BinaryIO, **how: Any) -> ObjectInfo:
            with path.open("ab") as file:
                file.write(b" and on" if not self.done else b"")
            return super().put(bucket, key, body, **how)

    slow = Slow()
    kept = mirror(slow, directory)
    for _ in range(3):
        kept.once()
    assert slow.done == ["+ckpt/job/a"] * 2
    assert slow.objects == {"ckpt/job/a": b"begun and on"}


def test_what_fails_is_raised_after_the_rest_and_tried_again(bucket: Counting, directory: Path) -> None:
    for name in "abc":
        (directory / name).touch()
    bucket.refusing = {"ckpt/job/b"}
    kept = mirror(bucket, directory)
    with pytest.raises(NoSuchBucket):
        kept.once()
    assert sorted(bucket.objects) == ["ckpt/job/a", "ckpt/job/c"]
    bucket.refusing.clear()
    kept.once()
    assert bucket.done == ["+ckpt/job/a", "+ckpt/job/c", "+ckpt/job/b"]


@pytest.mark.parametrize("link", [False, True])
def test_a_directory_that_was_removed_deletes_nothing(bucket: Counting, directory: Path, link: bool) -> None:
    (directory / "a").touch()
    kept = mirror(bucket, directory)
    kept.once()
    (directory / "a").unlink()
    directory.rmdir()
    if link:
        (directory.parent / "empty").mkdir()
        directory.symlink_to(directory.parent / "empty")
    kept.once()
    assert list(bucket.objects) == ["ckpt/job/a"]


@given(rounds=st.lists(st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=2)), max_size=5))
def test_s3_is_as_the_directory_was_whatever_happened_and_whenever_it_restarts(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[dict[str, bytes]]
) -> None:
    bucket, directory = Counting(), tmp_path_factory.mktemp("m") / "checkpoints"
    directory.mkdir()
    for number, content in enumerate(rounds):
        for path in directory.iterdir():
            path.unlink()
        for name, body in content.items():
            (directory / name).write_bytes(body)
            os.utime(directory / name, (number, number))  # a clock may stand still for milliseconds
        mirror(bucket, directory).once()
        assert bucket.objects == {f"ckpt/job/{name}": body for name, body in content.items()}


def test_mirroring_goes_on_by_itself_and_ends_with_a_last_round(bucket: Counting, directory: Path) -> None:
    uploaded = threading.Event()

    class Telling(Counting):
        def put(self, bucket: str, key: str, body: bytes | BinaryIO, **how: Any) -> ObjectInfo:
            info = super().put(bucket, key, body, **how)
            uploaded.set()
            return info

    mirroring = Mirroring([mirror(telling := Telling(), directory)], interval=0.01)
    with mirroring.running():
        (directory / "a").touch()
        assert uploaded.wait(60)
    (directory / "b").touch()
    assert mirroring.last() is None
    assert sorted(telling.objects) == ["ckpt/job/a", "ckpt/job/b"]


def test_an_error_is_kept_and_logged_once_and_forgotten_when_it_is_over(
    bucket: Counting, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "a").touch()
    rounds = threading.Semaphore(0)

    class Failing(Mirror):
        def once(self) -> None:
            rounds.release()
            super().once()

    bucket.refusing = {"ckpt/job/a"}
    failing = Failing(bucket, "1", directory, TARGET, directory.parent / "record.json")
    mirroring = Mirroring([failing], interval=0.01)
    with caplog.at_level(logging.WARNING), mirroring.running():
        for _ in range(3):
            assert rounds.acquire(timeout=60)
    assert isinstance(mirroring.error, NoSuchBucket)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert isinstance(mirroring.last(), NoSuchBucket)
    bucket.refusing.clear()
    assert mirroring.last() is None
    assert sorted(bucket.objects) == ["ckpt/job/a"]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with mounted(tmp_path / "cloud") as aws:
        yield aws.cloud


def test_the_emulators_own_s3_keeps_up(cloud: Cloud, directory: Path) -> None:
    target = S3Uri(f"sagemaker-{REGION}-{ACCOUNT}", "ckpt")
    kept = Mirror(cloud.objects, ACCOUNT, directory, target, directory.parent / "record.json")
    (directory / "a").write_bytes(b"x" * 100_000)
    (directory / "b").touch()
    kept.once()
    (directory / "b").unlink()
    kept.once()
    assert [(item.key, item.size) for item in cloud.objects.list(target.bucket)] == [("ckpt/a", 100_000)]
    kept.bring()
    (directory / "a").write_bytes(b"mine")  # a copy, whatever S3 has
    with cloud.objects.open(target.bucket, "ckpt/a") as body:
        assert len(body.read()) == 100_000


def test_a_directory_that_cannot_be_read_for_now_holds_nothing_else_up_and_deletes_nothing(
    bucket: Counting, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that the container's root has made for itself, where the emulator is no root."""
    kept = mirror(bucket, directory)
    (directory / "closed").mkdir()
    (directory / "closed" / "1").write_bytes(b"one")
    kept.once()
    scan, closed = os.scandir, [directory / "closed"]

    def scandir(path: Path) -> Any:
        if path in closed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (directory / "2").write_bytes(b"two")
    for _ in range(2):
        with pytest.raises(PermissionError):
            kept.once()
    assert bucket.done == ["+ckpt/job/closed/1", "+ckpt/job/2"]
    closed.clear()
    (directory / "closed" / "1").unlink()
    kept.once()
    assert bucket.done[2:] == ["-ckpt/job/closed/1"]
