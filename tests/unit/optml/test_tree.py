"""Trees that containers have written: merged, packed and uploaded, whatever is in them."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.objects.port import NoSuchBucket
from emulator.optml import archive, tree
from emulator.optml.artifacts import upload_tree
from emulator.optml.s3uri import S3Uri
from tests.buckets import Bucket, stored

NAMES = st.sampled_from("abc")
TREES: Any = st.recursive(st.binary(max_size=3), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
HOSTS = st.lists(st.dictionaries(NAMES, TREES, max_size=3), min_size=1, max_size=4)
TARGET = S3Uri("b", "out/")


def write(directory: Path, content: dict[str, Any]) -> None:
    directory.mkdir()
    for name, inner in content.items():
        if isinstance(inner, bytes):
            (directory / name).write_bytes(inner)
        else:
            write(directory / name, inner)


def merge(first: Any, second: Any) -> Any:
    """What two trees are together: directories become one, otherwise the first counts."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return first
    both = {name: merge(inner, second[name]) for name, inner in first.items() if name in second}
    return {**second, **first, **both}


def flat(content: dict[str, Any], prefix: str = "") -> dict[str, bytes | None]:
    """Path to content of all files, and to None of all directories."""
    found: dict[str, bytes | None] = {}
    for name, inner in content.items():
        found[prefix + name] = inner if isinstance(inner, bytes) else None
        if isinstance(inner, dict):
            found.update(flat(inner, f"{prefix}{name}/"))
    return found


def unpacked(*directories: Path) -> list[tuple[str, bytes | None]]:
    with archive.packed(*directories) as body, tarfile.open(fileobj=io.BytesIO(body.read()), mode="r:gz") as packed:
        members = packed.getmembers()
        files = [packed.extractfile(member) if member.isfile() else None for member in members]
        return [(member.name, file and file.read()) for member, file in zip(members, files, strict=True)]


@given(hosts=HOSTS)
@example(hosts=[{"c": {}}, {"c": b""}, {"c": {"a": b"a"}}])
def test_merging_loses_nothing_and_doubles_nothing(hosts: list[dict[str, Any]]) -> None:
    expected: dict[str, Any] = {}
    for content in hosts:
        expected = merge(expected, content)
    with tempfile.TemporaryDirectory() as place:
        roots = [Path(place) / str(number) for number in range(len(hosts))]
        for root, content in zip(roots, hosts, strict=True):
            write(root, content)
        found = unpacked(*roots)
        bucket: Any = Bucket()
        upload_tree(bucket, "1", roots, TARGET)
    assert dict(found) == flat(expected)
    assert len(found) == len(dict(found))
    files = {f"out/{name}": body for name, body in flat(expected).items() if body is not None}
    assert bucket.objects == files


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A directory with everything that must neither be followed nor waited for."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret")
    root = tmp_path / "model"
    root.mkdir()
    (root / "weights").write_bytes(b"w")
    (root / "file link").symlink_to(tmp_path / "private" / "key")
    (root / "folder link").symlink_to(tmp_path / "private")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))
    return root


def test_a_hostile_tree_is_uploaded_without_what_is_no_file(hostile: Path) -> None:
    bucket: Any = Bucket()
    upload_tree(bucket, "1", [hostile], TARGET)
    assert bucket.objects == {"out/weights": b"w"}


def test_a_hostile_tree_is_packed_without_following_or_waiting(hostile: Path) -> None:
    with archive.packed(hostile) as body, tarfile.open(fileobj=io.BytesIO(body.read()), mode="r:gz") as packed:
        kinds = {member.name: member.type for member in packed}
    links = {"file link": tarfile.SYMTYPE, "folder link": tarfile.SYMTYPE}
    assert kinds == {"weights": tarfile.REGTYPE, **links, "pipe": tarfile.FIFOTYPE}


@pytest.mark.parametrize("name", ["file link", "folder link", "folder link/key", "pipe", "socket"])
def test_what_is_no_ordinary_file_is_never_opened(hostile: Path, name: str) -> None:
    with pytest.raises((tree.NoOrdinaryFile, NotADirectoryError)):
        tree.open_file(hostile, name)


def test_a_root_that_is_a_link_is_empty_and_never_opened(hostile: Path) -> None:
    (hostile.parent / "link").symlink_to(hostile)
    assert list(tree.merged([hostile.parent / "link"])) == []
    with pytest.raises(NotADirectoryError):
        tree.open_file(hostile.parent / "link", "weights")


def test_a_file_of_one_host_hides_a_directory_of_the_next_even_when_it_is_a_link(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (first / "a").symlink_to(tmp_path / "elsewhere")
    write(second, {"a": {"b": b"hidden"}, "c": b"seen"})
    assert [entry.name for entry in tree.merged([first, second])] == ["a", "c"]


def test_a_name_that_cannot_be_a_key_fails_an_upload_with_its_name(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).touch()
    with pytest.raises(OSError, match=r"udcff' is not UTF-8"):
        upload_tree(stored({}), "1", [tmp_path], TARGET)


def test_an_upload_to_a_bucket_that_is_gone_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(NoSuchBucket):
        upload_tree(stored({}), "1", [tmp_path], S3Uri("gone", ""))
