"""The /opt/ml contract: files in, files out."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from emulator.objects.port import NoSuchBucket
from emulator.optml import archive, config
from emulator.optml.cluster import Cluster
from emulator.optml.layout import Layout, open_to_all
from emulator.optml.model_data import ModelDataError, fetch
from emulator.optml.s3uri import S3Uri, parse
from tests.buckets import stored


def members(directory: Path) -> list[str]:
    """What the archive of a directory holds."""
    with archive.packed(directory) as body, tarfile.open(fileobj=io.BytesIO(body.read()), mode="r:gz") as packed:
        return sorted(packed.getnames())


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


REQUEST: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "HyperParameters": {"eta": "0.1", "objective": "binary:logistic"},
    "InputDataConfig": [
        {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {}}},
        {"ChannelName": "code", "InputMode": "File", "DataSource": {"S3DataSource": {}}},
    ],
}


def test_the_configuration_files_say_what_the_job_was_given(tmp_path: Path) -> None:
    cluster = Cluster.of({"InstanceType": "ml.m5.large", "InstanceCount": 2})
    config.write(tmp_path, REQUEST, cluster, cluster.hosts[0])
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert written["hyperparameters.json"] == REQUEST["HyperParameters"]
    common = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert written["inputdataconfig.json"] == {"train": {**common, "ContentType": "text/csv"}, "code": common}
    assert written["resourceconfig.json"] == {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1", "algo-2"],
        "instance_groups": [
            {
                "instance_group_name": "homogeneousCluster",
                "instance_type": "ml.m5.large",
                "hosts": ["algo-1", "algo-2"],
            }
        ],
        "network_interface_name": "eth0",
    }
    assert len(written) == 3


def test_a_job_without_channels_or_hyperparameters_has_empty_files(tmp_path: Path) -> None:
    cluster = Cluster.of({"InstanceType": "ml.m5.large", "InstanceCount": 1})
    config.write(tmp_path, {"AlgorithmSpecification": {}}, cluster, cluster.hosts[0])
    assert json.loads((tmp_path / "hyperparameters.json").read_text()) == {}
    assert json.loads((tmp_path / "inputdataconfig.json").read_text()) == {}


def test_a_training_tree_is_open_to_any_user_and_made_afresh(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "job")
    layout.make_for_training()
    (layout.model / "old").write_text("x")
    layout.make_for_training()
    assert list(layout.model.iterdir()) == []
    for path in (layout.ml, layout.config, layout.data, layout.model, layout.output / "data"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o777
    layout.remove()
    assert not layout.root.exists()


@pytest.mark.parametrize(("before", "after"), [(0o755, 0o777), (0o640, 0o666), (0o4700, 0o766)])
def test_a_file_that_is_opened_to_all_stays_a_program_or_none(tmp_path: Path, before: int, after: int) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(before)
    open_to_all(tmp_path)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == after


def test_the_failure_file_is_read_to_its_first_1024_characters(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "job")
    layout.make_for_training()
    assert layout.failure() == ""
    (layout.output / "failure").write_bytes(b"\xff" + b"x" * 5000)
    assert len(layout.failure()) == 1024


def test_a_failure_file_that_is_a_pipe_or_a_link_neither_blocks_nor_leads_out(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "job")
    layout.make_for_training()
    os.mkfifo(layout.output / "failure")
    assert layout.failure() == "(the failure file is no ordinary file)"
    (layout.output / "failure").unlink()
    (tmp_path / "secret").write_text("secret")
    (layout.output / "failure").symlink_to(tmp_path / "secret")
    assert "secret" not in layout.failure()


def test_a_directory_that_was_replaced_by_a_link_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret")
    (tmp_path / "data").symlink_to(tmp_path / "private")
    assert members(tmp_path / "data") == []


def test_only_the_invoking_user_finds_a_way_to_a_jobs_files(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "job")
    layout.make_for_training()
    assert stat.S_IMODE(layout.root.stat().st_mode) == 0o700


def test_what_was_packed_is_unpacked_the_same(tmp_path: Path) -> None:
    source, target = tmp_path / "model", tmp_path / "copy"
    (source / "sub").mkdir(parents=True)
    (source / "xgboost-model").write_bytes(b"\0" * 100_000)
    (source / "sub" / "a.txt").write_text("a")
    assert members(source) == ["sub", "sub/a.txt", "xgboost-model"]
    with archive.packed(source) as body:
        archive.unpack(body, target)
    assert (target / "xgboost-model").read_bytes() == b"\0" * 100_000


def test_packing_and_unpacking_take_neither_memory_nor_a_second_copy(tmp_path: Path) -> None:
    source, target, size = tmp_path / "model", tmp_path / "copy", 220 << 20
    source.mkdir()
    with (source / "weights").open("wb") as file:
        file.truncate(size)
    target.mkdir()
    tracemalloc.start()
    with archive.packed(source) as body:
        archive.unpack(body, target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    assert (target / "weights").stat().st_size == size
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["copy", "model", "weights", "weights"]


def test_a_packing_that_fails_never_looks_like_a_whole_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first").write_bytes(os.urandom(1 << 20))
    (tmp_path / "second").touch()
    add = tarfile.TarFile.addfile

    def break_at_the_second(packed: tarfile.TarFile, member: tarfile.TarInfo, file: Any = None) -> None:
        if member.name == "second":
            raise OSError(5, "Input/output error")
        add(packed, member, file)

    monkeypatch.setattr(tarfile.TarFile, "addfile", break_at_the_second)
    with archive.packed(tmp_path) as body, pytest.raises(OSError, match="Input/output error"):
        body.read()


def test_who_stops_reading_ends_the_packing(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(4 << 20))
    before = threading.active_count(), open_files()

    def refuse() -> None:
        with archive.packed(tmp_path) as body:
            body.read(10)
            raise NoSuchBucket("b")

    with pytest.raises(NoSuchBucket):
        refuse()
    assert (threading.active_count(), open_files()) == before


def test_an_empty_directory_is_packed_as_an_empty_archive(tmp_path: Path) -> None:
    assert members(tmp_path / "nothing") == []


@pytest.fixture(params=["with the filter", "before Python 3.11.4"])
def _either_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "with the filter":
        monkeypatch.delattr(tarfile, "data_filter")


def tar_with(name: str, link: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        member = tarfile.TarInfo(name)
        if link is not None:
            member.type, member.linkname = tarfile.SYMTYPE, link
        member.size = 1 if link is None else 0
        packed.addfile(member, io.BytesIO(b"x"))
    return buffer.getvalue()


@pytest.mark.usefixtures("_either_python")
@pytest.mark.parametrize(
    "body",
    [b"no archive", tar_with("../evil"), tar_with("evil", link="../../etc/passwd"), tar_with("a")[:-20]],
    ids=["no archive", "outside", "link outside", "cut off"],
)
def test_an_archive_that_is_none_or_would_write_elsewhere_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(ModelDataError, match="s3://b/m") as caught:
        fetch(stored({"m": body}), "1", "s3://b/m", tmp_path, prefix=False, packed=True)
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.usefixtures("_either_python")
def test_model_data_comes_packed_plain_or_as_a_prefix(tmp_path: Path) -> None:
    store = stored({"m/a.tar.gz": tar_with("w"), "m/b/c.bin": b"1", "m/b/d/e.bin": b"2"})
    fetch(store, "1", "s3://b/m/a.tar.gz", tmp_path, prefix=False, packed=True)
    fetch(store, "1", "s3://b/m/b/c.bin", tmp_path, prefix=False, packed=False)
    fetch(store, "1", "s3://b/m/b/", tmp_path / "all", prefix=True, packed=False)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"w", "c.bin", "all/c.bin", "all/d/e.bin"}


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://b/a/k.csv", S3Uri("b", "a/k.csv")),
        ("s3://b", S3Uri("b", "")),
        ("s3://b/", S3Uri("b", "")),
        ("https://b.s3.us-east-1.amazonaws.com/a/k", S3Uri("b", "a/k")),
        ("https://my.b.s3-us-west-2.amazonaws.com/a%20k", S3Uri("my.b", "a k")),
        ("https://s3-us-west-2.amazonaws.com/b/a/k", S3Uri("b", "a/k")),
        ("https://s3.amazonaws.com/b/k", S3Uri("b", "k")),
        ("/local/path", None),
        ("https://example.com/b/k", None),
    ],
)
def test_s3_locations_are_understood_in_every_spelling_sagemaker_takes(uri: str, parts: S3Uri | None) -> None:
    assert parse(uri) == parts


def test_locations_join_whether_or_not_they_end_with_a_slash() -> None:
    assert str(S3Uri("b", "out/").join("job", "output")) == "s3://b/out/job/output"
    assert str(S3Uri("b", "").join("job")) == "s3://b/job"
