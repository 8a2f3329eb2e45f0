"""Artifacts of several hosts, packed and as they are."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.optml import archive
from emulator.optml.artifacts import upload_tree
from emulator.optml.s3uri import S3Uri
from tests.mounted import ACCOUNT, REGION, Mounted, mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Mounted]:
    with mounted(tmp_path / "aws") as running:
        yield running


def tree(root: Path, files: dict[str, str]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def unpacked(*directories: Path) -> dict[str, bytes]:
    with archive.packed(*directories) as body, tarfile.open(fileobj=io.BytesIO(body.read()), mode="r:gz") as found:
        files = [(member.name, found.extractfile(member)) for member in found if member.isfile()]
        assert len({name for name, _ in files}) == len(files)
        return {name: file.read() for name, file in files if file is not None}


def test_hosts_are_merged_and_the_first_one_wins(tmp_path: Path) -> None:
    one = tree(tmp_path / "1", {"same": "1", "shared/a": "1", "file-or-folder": "1"})
    two = tree(tmp_path / "2", {"same": "2", "shared/b": "2", "file-or-folder/x": "2"})
    assert unpacked(one, two) == {"same": b"1", "shared/a": b"1", "shared/b": b"2", "file-or-folder": b"1"}


NAMES = st.dictionaries(st.sampled_from(["a", "b", "c/d", "c/e", "f/g/h"]), st.text(max_size=3), max_size=5)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_nothing_is_lost_or_doubled_in_merging(hosts: list[dict[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        directories = [tree(Path(name) / str(number), files) for number, files in enumerate(hosts)]
        wanted = {path: text.encode() for files in reversed(hosts) for path, text in files.items()}
        assert {path: body.replace(b"\r\n", b"\n") for path, body in unpacked(*directories).items()} == {
            path: body.replace(b"\r\n", b"\n") for path, body in wanted.items()
        }


def test_files_go_up_as_they_are_and_links_do_not(tmp_path: Path, aws: Mounted) -> None:
    one = tree(tmp_path / "1", {"a": "1", "deep/b": "1"})
    two = tree(tmp_path / "2", {"a": "2", "c": "2"})
    (one / "link").symlink_to("/etc/hostname")
    os.mkfifo(two / "pipe")
    upload_tree(aws.cloud.objects, ACCOUNT, [one, two, tmp_path / "missing"], S3Uri(BUCKET, "out/model"))
    listed = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="out/")["Contents"]
    assert [each["Key"] for each in listed] == ["out/model/a", "out/model/c", "out/model/deep/b"]
    with aws.cloud.objects.open(BUCKET, "out/model/a") as body:
        assert body.read() == b"1"
