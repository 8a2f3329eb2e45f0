"""A snapshot is loaded whole, or nothing is changed and the reason is told."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import signal
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.snapshot import SnapshotError, load
from tests.command import start
from tests.running import until
from tests.unit.snapshot.conftest import BUCKET, LARGE

Members = dict[str, bytes]
Spoil = Callable[[Members], object]


def members(snapshot: Path) -> Members:
    """What is in it, by name and in order."""
    with tarfile.open(snapshot) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def packed(content: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, data in content:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def manifest(**members: Any) -> Spoil:
    """Change members of the manifest."""

    def change(held: Members) -> None:
        held["manifest.json"] = json.dumps({**json.loads(held["manifest.json"]), **members}).encode()

    return change


def database(name: str, statement: str, *values: object) -> Spoil:
    """Change one of the databases."""

    def change(held: Members) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            # A database in memory has no write-ahead log, which the file's header speaks of.
            db.deserialize(held[name][:18] + b"\x01\x01" + held[name][20:])
            assert db.execute(statement, values).rowcount > 0
            held[name] = db.serialize()

    return change


def blob(held: Members) -> str:
    (name,) = (name for name in held if name.startswith("objects/"))
    return name


SPOILT: dict[str, tuple[Spoil, str]] = {
    "another format": (manifest(format=2), "it has format 2, written by version .* this version reads 1"),
    "another format of the catalogue": (manifest(catalogue_format="1"), "catalogue's format is 1; .* reads 2"),
    "another format of the services": (manifest(services_format="9"), "services is 9; .* reads 1"),
    "another schema": (manifest(schema=7), "schema version is 7; .* reads 1"),
    "no manifest of ours": (manifest(sizes=None), "no snapshot of this emulator"),
    "a manifest that is no JSON": (lambda held: held.update({"manifest.json": b"{"}), "no snapshot of this emulator"),
    "another program's archive": (lambda held: held.pop("manifest.json"), "no snapshot of this emulator"),
    "a file outside": (lambda held: held.update({"../evil": b"x"}), "'../evil' does not belong"),
    "a file of the machine": (lambda held: held.update({"/etc/evil": b"x"}), "'/etc/evil' does not belong"),
    "a blob outside": (lambda held: held.update({"objects/../../" + "a" * 32: b"x"}), "does not belong"),
    "an emulator's id": (lambda held: held.update({"emulator-id": b"x"}), "'emulator-id' does not belong"),
    "no store": (lambda held: held.pop("emulator.db"), "emulator.db is missing"),
    "no catalogue": (lambda held: held.pop("cloud.sqlite3"), "cloud.sqlite3 is missing"),
    "no database": (lambda held: held.update({"emulator.db": b"x" * 5000}), "emulator.db is damaged"),
    "half a database": (
        lambda held: held.update({"cloud.sqlite3": held["cloud.sqlite3"][:20_480]}),
        "cloud.sqlite3 is damaged",
    ),
    "a store of another schema inside": (
        database("emulator.db", "UPDATE about SET schema_version = 7"),
        "has schema version 7; this version of the emulator reads 2",
    ),
    "a catalogue of another format inside": (
        database("cloud.sqlite3", "UPDATE meta SET value = '1' WHERE name = 'format'"),
        "has format 1; this version of the emulator reads 2",
    ),
    "services of another format inside": (
        database("cloud.sqlite3", "UPDATE service_meta SET value = '9' WHERE name = 'format'"),
        "services' rows have format 9; this version of the emulator reads 1",
    ),
    "no large blob": (lambda held: held.pop(blob(held)), r"bytes of s3://\S+/large are not whole: .* is gone"),
    "a short large blob": (
        lambda held: held.update({blob(held): held[blob(held)][:-1]}),
        "has 99999 bytes where 100000 were stored",
    ),
    "no small blob": (database("cloud.sqlite3", "DELETE FROM blob"), r"bytes of s3://\S+/small are not whole"),
    "a row that is none": (
        database("cloud.sqlite3", "UPDATE object SET data = ?", b"nothing"),
        "its databases cannot be read",
    ),
    "a row that runs something": (
        database("cloud.sqlite3", "UPDATE object SET data = ?", pickle.dumps(print)),
        "its databases cannot be read",
    ),
    "state that this moto cannot read": (
        lambda held: (
            manifest(moto="5.0.0")(held),
            database("cloud.sqlite3", "UPDATE meta SET value = '5.0.0' WHERE name = 'moto'")(held),
            database("cloud.sqlite3", "UPDATE bucket SET data = ?", b"nothing")(held),
        ),
        r"written with moto 5\.0\.0 and cannot be read with moto .* Install moto==5\.0\.0",
    ),
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that holds state."""
    directory = tmp_path / "data"
    (directory / "objects").mkdir(parents=True)
    for name in ("emulator.db", "cloud.sqlite3", "objects/kept", "emulator-id"):
        (directory / name).write_text("mine")
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_not_whole_or_not_ours_changes_nothing(
    snapshot: Path, data_dir: Path, tmp_path: Path, name: str
) -> None:
    spoil, reason = SPOILT[name]
    held = members(snapshot)
    spoil(held)
    file = tmp_path / "spoilt.tar.gz"
    file.write_bytes(packed([member(*each) for each in held.items()]))
    must_change_nothing(file, data_dir, reason)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "spoilt.tar.gz"}


def must_change_nothing(file: Path, data_dir: Path, reason: str) -> None:
    before = contents(data_dir)
    with pytest.raises(SnapshotError, match=reason) as raised:
        load(file, data_dir, replace=True)
    assert str(file) in str(raised.value)
    assert contents(data_dir) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file_is_refused(snapshot: Path, data_dir: Path, tmp_path: Path, kind: bytes) -> None:
    held = members(snapshot)
    info = tarfile.TarInfo("emulator.db")
    info.type, info.linkname = kind, "/etc/passwd"
    file = tmp_path / "linked.tar.gz"
    file.write_bytes(packed([member("manifest.json", held["manifest.json"]), (info, b"")]))
    must_change_nothing(file, data_dir, "'emulator.db' does not belong")


def test_a_member_that_comes_twice_is_refused(snapshot: Path, data_dir: Path, tmp_path: Path) -> None:
    twice = [member(*each) for each in members(snapshot).items()]
    file = tmp_path / "twice.tar.gz"
    file.write_bytes(packed([*twice, twice[1]]))
    must_change_nothing(file, data_dir, "emulator.db is in it twice")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9, 1.0])
def test_a_snapshot_that_was_cut_off_is_refused(snapshot: Path, data_dir: Path, tmp_path: Path, share: float) -> None:
    whole = snapshot.read_bytes()
    file = tmp_path / "cut.tar.gz"
    file.write_bytes(whole[: int((len(whole) - 1) * share)])
    must_change_nothing(file, data_dir, "is damaged, or no snapshot")


def test_a_flipped_bit_is_noticed(snapshot: Path, data_dir: Path, tmp_path: Path) -> None:
    spoilt = bytearray(gzip.decompress(snapshot.read_bytes()))
    compressed = bytearray(gzip.compress(bytes(spoilt), 0))  # stored as they are, so that only the checksum can tell
    compressed[compressed.rindex(b"largelarge")] ^= 1
    file = tmp_path / "flipped.tar.gz"
    file.write_bytes(compressed)
    must_change_nothing(file, data_dir, "CRC check failed")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something", gzip.compress(b"something", mtime=0)])
def test_what_is_no_archive_is_refused(data_dir: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "something"
    file.write_bytes(content)
    must_change_nothing(file, data_dir, "is damaged, or no snapshot|it is no snapshot of this emulator")


def test_state_that_is_there_is_kept_unless_it_may_be_replaced(snapshot: Path, data_dir: Path) -> None:
    before = contents(data_dir)
    with pytest.raises(SnapshotError, match="holds state already"):
        load(snapshot, data_dir)
    assert contents(data_dir) == before
    load(snapshot, data_dir, replace=True)
    after = contents(data_dir)
    assert after["emulator-id"] == b"mine"
    assert "objects/kept" not in after
    held = members(snapshot)
    assert {name: after[name] for name in ("emulator.db", "cloud.sqlite3")}.keys() < held.keys()


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_bytes_that_were_loaded_are_closed_to_everyone_else(snapshot: Path, tmp_path: Path) -> None:
    load(snapshot, tmp_path / "data")
    objects = tmp_path / "data" / "objects"
    directories = [objects, *(path for path in objects.iterdir() if path.is_dir())]
    assert [stat.S_IMODE(path.stat().st_mode) for path in directories] == [0o700, 0o700]


def test_what_an_older_moto_wrote_is_loaded_where_the_installed_one_reads_it(snapshot: Path, tmp_path: Path) -> None:
    held = members(snapshot)
    manifest(moto="5.0.0")(held)
    database("cloud.sqlite3", "UPDATE meta SET value = '5.0.0' WHERE name = 'moto'")(held)
    file = tmp_path / "older.tar.gz"
    file.write_bytes(packed([member(*each) for each in held.items()]))
    assert load(file, tmp_path / "data").moto == "5.0.0"
    with Emulator(Settings(data_dir=tmp_path / "data", port=0, engine="process")) as emulator:
        for key, body in (("small", b"small"), ("large", LARGE)):
            assert emulator.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def test_killed_while_it_reads_it_has_changed_nothing(snapshot: Path, data_dir: Path, tmp_path: Path) -> None:
    before = contents(data_dir)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = start("snapshot", "load", str(pipe), "--force", "--data-dir", str(data_dir))
    with pipe.open("wb", buffering=0) as writing:
        writing.write(snapshot.read_bytes()[:1000])  # it waits for more
        until((data_dir / "incoming").exists)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert (data_dir / "incoming").exists()
    with pytest.raises(SnapshotError, match="holds state already"):
        load(snapshot, data_dir)
    assert contents(data_dir) == before
    assert not (data_dir / "incoming").exists()
