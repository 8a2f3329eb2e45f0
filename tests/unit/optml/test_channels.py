"""Channels in File and FastFile mode: which objects, where they lie, and which host gets them."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.port import ObjectInfo
from emulator.optml import channels, sources
from emulator.optml.cluster import Cluster
from emulator.optml.sources import dealt
from tests.buckets import Bucket, stored

ONE = Cluster.of({"InstanceType": "ml.m5.large", "InstanceCount": 1})
THREE = Cluster.of({"InstanceType": "ml.m5.large", "InstanceCount": 3})


def channel(uri: str = "s3://b/d/", kind: str = "S3Prefix", seed: int | None = None, **source: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"DataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": kind, **source}}}
    return found if seed is None else {**found, "ShuffleConfig": {"Seed": seed}}


def files(directory: Path) -> dict[str, bytes]:
    """Path to content of every file."""
    found = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def staged(store: Any, asked: dict[str, Any], directory: Path, cluster: Cluster = ONE, **how: Any) -> list[list[str]]:
    """The files of each host of a cluster."""
    for host in cluster.hosts:
        channels.stage(store, "1", asked, directory / host.name, cluster, host, **how)
    return [sorted(files(directory / host.name)) for host in cluster.hosts]


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("data/train", "data/train/x/1.csv", "x/1.csv"),
        ("data/train/", "data/train/x/1.csv", "x/1.csv"),
        ("data/train.csv", "data/train.csv", "train.csv"),
        ("data/tr", "data/train.csv", "train.csv"),
        ("data/tr", "data/tr-2/a.csv", "tr-2/a.csv"),
        ("", "a/b.csv", "a/b.csv"),
        ("train", "train", "train"),
    ],
)
def test_an_object_lies_at_its_key_less_the_prefixes_directory(prefix: str, key: str, path: str) -> None:
    assert sources.local_path(prefix, key) == PurePosixPath(path)


@pytest.mark.parametrize("key", ["p/../../etc/passwd", "p/a/../../../x", "p//"])
def test_a_key_that_would_leave_its_channel_is_refused(key: str) -> None:
    with pytest.raises(channels.StagingError, match="Data download failed"):
        sources.local_path("p/", key)


def test_a_channel_holds_every_object_but_not_the_folder_markers(tmp_path: Path) -> None:
    store = stored({"d/": b"", "d/a.csv": b"1", "d/sub/": b"", "d/sub/b.csv": b"2", "other": b"3"})
    channels.stage(store, "1", channel(), tmp_path / "train", ONE, ONE.hosts[0])
    files = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert files == {"train/a.csv": b"1", "train/sub/b.csv": b"2"}


def test_a_channel_whose_staging_was_interrupted_is_staged_afresh(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.csv").write_bytes(b"half")
    (tmp_path / "train" / "gone.csv").touch()
    channels.stage(stored({"d/a.csv": b"whole"}), "1", channel(), tmp_path / "train", ONE, ONE.hosts[0])
    assert {path.name: path.read_bytes() for path in (tmp_path / "train").iterdir()} == {"a.csv": b"whole"}


class Many(Bucket):
    """``count`` objects that take no memory, and a manifest ``m`` of them that is made while it is read."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def list(self, bucket: str, prefix: str = "", *, account: str | None = None) -> Iterator[ObjectInfo]:
        return (ObjectInfo(f"d/{name}", 1, "", 0.0) for name in self._names())

    def open(self, bucket: str, key: str, *, account: str | None = None) -> BinaryIO:
        return cast("BinaryIO", Chained(chain([b'[{"prefix": "s3://b/d/"}'], self._elements(), [b"]"])))

    def place(self, bucket: str, key: str, target: Path, **_: Any) -> None:
        if key.endswith("99"):
            target.touch()

    def _names(self) -> Iterator[str]:
        return (f"{number // 1000:03}/{'x' * 100}{number:06}" for number in range(self._count))

    def _elements(self) -> Iterator[bytes]:
        return (f', "{name}"'.encode() for name in self._names())


class Chained(io.RawIOBase):
    """A file made of pieces as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1, /) -> bytes:
        return b"".join(islice(self._pieces, 100))


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        channel(),
        channel("s3://b/m", "ManifestFile"),
        channel(seed=1, S3DataDistributionType="ShardedByS3Key"),
    ],
    ids=["prefix", "manifest", "dealt by lot"],
)
def test_a_hundred_thousand_objects_are_staged_without_remembering_them(tmp_path: Path, asked: dict[str, Any]) -> None:
    few: Any = Many(100)
    many: Any = Many(100_000)
    channels.stage(few, "1", asked, tmp_path / "warm", ONE, ONE.hosts[0])
    tracemalloc.start()
    channels.stage(many, "1", asked, tmp_path / "train", ONE, ONE.hosts[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(files(tmp_path / "train")) == 1000
    # Remembered, these names would take 16 MB. Python's table of interned strings, which the parts of each path pass
    # through, may grow by 5 MB meanwhile, as other tests have filled it; their threads take some as well.
    assert peak < 10 << 20


def test_a_bucket_that_went_away_fails_the_download_in_the_services_words(tmp_path: Path) -> None:
    with pytest.raises(channels.StagingError, match="ClientError: Data download failed:The specified bucket"):
        channels.stage(stored({}), "1", channel("s3://gone/d/"), tmp_path / "train", ONE, ONE.hosts[0])


@pytest.mark.parametrize("asked", [channel(), channel("s3://b/m", "ManifestFile")])
def test_a_prefix_whose_objects_went_away_fails_the_download(tmp_path: Path, asked: dict[str, Any]) -> None:
    store = stored({"m": json.dumps([{"prefix": "s3://b/d/"}]).encode()})
    with pytest.raises(channels.StagingError, match=r"no objects below s3://b/d/ any more"):
        staged(store, asked, tmp_path)


def test_two_keys_that_cannot_both_be_files_fail_the_download(tmp_path: Path) -> None:
    with pytest.raises(channels.StagingError) as caught:
        channels.stage(stored({"d/a": b"1", "d/a/b": b"2"}), "1", channel(), tmp_path / "train", ONE, ONE.hosts[0])
    assert str(caught.value) == "ClientError: Data download failed:File exists: s3://b/d/a/b"


def manifest(*elements: Any) -> Any:
    """A store with a manifest of these elements, and some objects."""
    body = json.dumps(elements, indent=1).encode()
    return stored({"m": body, "d/a.csv": b"1", "d/x/b.csv": b"2", "e/c.csv": b"3", "d/f/": b""})


def test_a_manifest_names_objects_that_lie_at_their_suffixes(tmp_path: Path) -> None:
    store = manifest({"prefix": "s3://b/"}, "d/x/b.csv", "e/c.csv")
    assert staged(store, channel("s3://b/m", "ManifestFile"), tmp_path) == [["d/x/b.csv", "e/c.csv"]]


def test_a_manifest_puts_prefix_and_suffix_together_as_they_are(tmp_path: Path) -> None:
    assert staged(manifest({"prefix": "s3://b/d/a"}, ".csv"), channel("s3://b/m", "ManifestFile"), tmp_path) == [
        [".csv"]
    ]
    store = manifest({"prefix": "s3://b"}, "/e/c.csv")
    assert staged(store, channel("s3://b/m", "ManifestFile"), tmp_path) == [["e/c.csv"]]


def test_a_manifest_of_a_prefix_alone_means_everything_below_it(tmp_path: Path) -> None:
    store = manifest({"prefix": "s3://b/d/"})
    assert staged(store, channel("s3://b/m", "ManifestFile"), tmp_path) == [["a.csv", "x/b.csv"]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it must be a JSON array"),
        (b'{"prefix": "s3://b/"}', "it must be a JSON array"),
        (b"[]", "its first element must be"),
        (b'["a", "b"]', "its first element must be"),
        (b'[{"prefix": ""}, "b"]', "its first element must be"),
        (b'[{"prefix": "/local"}, "b"]', "is no S3 URI"),
        (b'[{"prefix": "s3://b/"}, "d/a.csv"', "its JSON array is broken near character 33"),
        (b'[{"prefix": "s3://b/"}, "d/a.csv" "d/x/b.csv"]', "its JSON array is broken"),
        (b'[{"prefix": "s3://b/"}, "d/a.csv", ]', "it is no JSON near character 35"),
        (b'[{"prefix": "s3://b/"}] []', "something follows"),
        (b'[{"prefix": "s3://b/"}, "d/a.csv", {"prefix": "s3://b/"}]', "element 3 is a second object"),
        (b'[{"prefix": "s3://b/"}, 7]', "element 2 must be a text"),
        (b'[{"prefix": "s3://b/"}, ""]', "element 2 must be a text"),
        (b'[{"prefix": "s3://b/"}, "d/"]', "names a folder; name each of its objects"),
        (b'[{"prefix": "s3://b"}, "ad/a.csv"]', "names another bucket; end it with a slash"),
        (b'[{"prefix": "s3://b/"}, "\xff"]', "it is no text in UTF-8"),
        (b"[" * 100_000, "it is no JSON"),
        (b'["' + b"x" * 200_000, "it is no JSON"),
    ],
)
def test_a_manifest_that_is_none_is_told_how_it_should_be(tmp_path: Path, body: bytes, words: str) -> None:
    store = stored({"m": body, "d/a.csv": b"1", "d/x/b.csv": b"2"})
    with pytest.raises(channels.StagingError) as caught:
        staged(store, channel("s3://b/m", "ManifestFile"), tmp_path)
    assert str(caught.value).startswith("ClientError: Data download failed:the manifest s3://b/m cannot be used: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("suffix", ["../out", "d/../../out", "a\0b", "\ud800"])
def test_a_suffix_that_names_no_file_below_the_channel_is_refused(tmp_path: Path, suffix: str) -> None:
    store = manifest({"prefix": "s3://b/d/"}, suffix)
    with pytest.raises(channels.StagingError, match="does not name a file"):
        staged(store, channel("s3://b/m", "ManifestFile"), tmp_path)


def test_an_object_that_a_manifest_names_and_nobody_has_is_named(tmp_path: Path) -> None:
    store = manifest({"prefix": "s3://b/d/"}, "gone.csv")
    with pytest.raises(channels.StagingError) as caught:
        staged(store, channel("s3://b/m", "ManifestFile"), tmp_path)
    words = "ClientError: Data download failed:The specified key does not exist.: s3://b/d/gone.csv"
    assert str(caught.value) == words


def test_a_manifest_of_every_length_is_read_whatever_its_pieces(tmp_path: Path) -> None:
    names = [f"{number:05}-{'ü' * (number % 60)}" for number in range(5000)]  # 450 KB: several pieces
    store = manifest({"prefix": "s3://b/"}, *names)
    assert [found.path.name for found in sources.objects(store, "1", channel("s3://b/m", "ManifestFile"))] == names


@pytest.mark.parametrize("seed", [None, 7])
def test_sharded_objects_go_to_one_host_each(tmp_path: Path, seed: int | None) -> None:
    names = [f"{number:02}" for number in range(10)]
    store = stored({f"d/{name}": b"x" for name in names})
    found = staged(store, channel(seed=seed, S3DataDistributionType="ShardedByS3Key"), tmp_path, THREE)
    assert [len(share) for share in found] == [4, 3, 3] if seed is None else sorted(map(len, found)) == [3, 3, 4]
    assert sorted(chain.from_iterable(found)) == names
    assert (found[0] == ["00", "03", "06", "09"]) == (seed is None)


def test_a_host_without_any_object_has_an_empty_channel(tmp_path: Path) -> None:
    store = stored({"d/1": b"x"})
    assert staged(store, channel(S3DataDistributionType="ShardedByS3Key"), tmp_path, THREE) == [["1"], [], []]
    assert (tmp_path / "algo-3").is_dir()


def test_only_the_named_groups_get_a_channel_and_share_it(tmp_path: Path) -> None:
    groups = [
        {"InstanceGroupName": name, "InstanceType": "ml.m5.large", "InstanceCount": count}
        for name, count in (("other", 1), ("mine", 2))
    ]
    store = stored({"d/1": b"x", "d/2": b"x"})
    asked = channel(S3DataDistributionType="ShardedByS3Key", InstanceGroupNames=["mine"])
    assert staged(store, asked, tmp_path, Cluster.of({"InstanceGroups": groups})) == [[], ["1"], ["2"]]
    assert not (tmp_path / "algo-1").exists()


@given(count=st.integers(0, 200), hosts=st.integers(1, 20), seed=st.none() | st.integers(0, 1 << 64))
def test_dealing_loses_nothing_doubles_nothing_and_is_fair(count: int, hosts: int, seed: int | None) -> None:
    shares = [list(dealt(range(count), hosts, number, seed)) for number in range(hosts)]
    assert Counter(chain.from_iterable(shares)) == Counter(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert shares == [list(dealt(range(count), hosts, number, seed)) for number in range(hosts)]


@pytest.mark.parametrize("uri", ["s3://b/d", "s3://b/d/", "s3://b", "s3://b/d/a.csv"])
def test_fast_file_mode_takes_whole_folders_and_objects(tmp_path: Path, uri: str) -> None:
    store = stored({"d/a.csv": b"1"})
    assert [Path(path).name for path in staged(store, channel(uri), tmp_path, mode="FastFile")[0]] == ["a.csv"]


def test_fast_file_mode_refuses_a_part_of_a_name(tmp_path: Path) -> None:
    with pytest.raises(channels.StagingError) as caught:
        staged(stored({"d/train/a.csv": b"1"}), channel("s3://b/d/tr"), tmp_path, mode="FastFile")
    assert str(caught.value).startswith(
        "ClientError: Data download failed:Failed to download data. For FastFile mode, partial S3 prefix is not "
        "supported. S3 prefix has to end with a full file or folder. Add a trailing '/'"
    )
