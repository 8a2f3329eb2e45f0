"""Saving: what is held meanwhile, and what is told of a state that cannot be saved."""

from __future__ import annotations

import json
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulator.app import Emulator
from emulator.datadir import DataDirError, alone
from emulator.settings import Settings
from emulator.snapshot import SnapshotError, load, of_directory, of_running, write
from tests.unit.snapshot.conftest import BUCKET, LARGE


@pytest.fixture
def data_dir(snapshot: Path, tmp_path: Path) -> Path:
    """A data directory that nobody uses."""
    load(snapshot, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Emulator]:
    with Emulator(Settings(data_dir=data_dir, port=0, engine="process")) as running:
        yield running


def blobs(data_dir: Path) -> list[Path]:
    return list((data_dir / "objects").glob("??/*"))


def test_what_is_deleted_while_it_is_saved_is_in_the_snapshot_and_goes_afterwards(
    emulator: Emulator, data_dir: Path, tmp_path: Path
) -> None:
    with closing(of_running(data_dir, emulator._cloud, emulator._store)) as archive:
        emulator.client("s3").delete_object(Bucket=BUCKET, Key="large")
        assert len(blobs(data_dir)) == 1
        write(archive, tmp_path / "state")
    assert blobs(data_dir) == []
    load(tmp_path / "state", tmp_path / "other")
    assert [path.read_bytes() for path in blobs(tmp_path / "other")] == [LARGE]


def test_one_that_nobody_reads_gives_everything_back(emulator: Emulator, data_dir: Path) -> None:
    of_running(data_dir, emulator._cloud, emulator._store).close()
    emulator.client("s3").delete_object(Bucket=BUCKET, Key="large")
    assert blobs(data_dir) == []
    assert list((data_dir / "work" / "snapshot").iterdir()) == []


def test_no_emulator_starts_on_a_directory_that_is_being_saved(data_dir: Path) -> None:
    with closing(of_directory(data_dir)), pytest.raises(DataDirError), alone(data_dir):
        pass
    with alone(data_dir):
        pass


def test_an_object_that_is_damaged_is_named(data_dir: Path) -> None:
    (blob,) = blobs(data_dir)
    blob.write_bytes(b"short")
    with pytest.raises(SnapshotError, match=rf"s3://{BUCKET}/large is damaged: .* has 5 bytes where 100000 were"):
        of_directory(data_dir)
    blob.unlink()
    with pytest.raises(SnapshotError, match="has 0 bytes"):
        of_directory(data_dir)


def test_more_of_a_file_than_rows_name_is_not_saved(data_dir: Path, tmp_path: Path) -> None:
    (blob,) = blobs(data_dir)
    with blob.open("ab") as file:
        file.write(b"of a part that is still coming in")
    with closing(of_directory(data_dir)) as archive:
        assert archive.manifest.sizes["objects"] == len(LARGE)
        write(archive, tmp_path / "state")
    load(tmp_path / "state", tmp_path / "other")
    assert [path.read_bytes() for path in blobs(tmp_path / "other")] == [LARGE]


def test_state_of_another_version_is_not_saved(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "cloud.sqlite3")) as db, db:
        db.execute("UPDATE meta SET value = '1' WHERE name = 'format'")
    with pytest.raises(SnapshotError, match="the catalogue's format is 1"):
        of_directory(data_dir)


@pytest.mark.parametrize("name", ["emulator.db", "cloud.sqlite3"])
def test_half_a_state_is_not_saved(data_dir: Path, name: str) -> None:
    (data_dir / name).unlink()
    with pytest.raises(SnapshotError, match="cannot be read"):
        of_directory(data_dir)


def test_a_directory_without_state_is_told_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="holds no state to save"):
        of_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_api_that_cannot_save_says_why(emulator: Emulator, data_dir: Path) -> None:
    shutil.rmtree(data_dir / "objects")
    request = urllib.request.Request(emulator.url + "/_emulator/snapshot", method="POST")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=60)
    with raised.value as answer:
        assert answer.code == 500
        assert "is damaged" in json.load(answer)["message"]
