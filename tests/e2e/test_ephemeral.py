"""`--ephemeral` keeps everything in one temporary directory, and that goes with the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_snapshot import fill, seen
from tests.running import RunningEmulator


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Where a program may leave something: its home, its working directory, the machine's temporary directory."""
    found = {name: tmp_path / name for name in ("home", "work", "temporary", "data")}
    for name in ("home", "work", "temporary"):
        found[name].mkdir()
    monkeypatch.setenv("HOME", str(found["home"]))
    monkeypatch.setenv("TMPDIR", str(found["temporary"]))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(found["work"])
    return found


def test_everything_is_in_one_temporary_directory_and_nothing_is_left(places: dict[str, Path]) -> None:
    emulator = RunningEmulator("process", places["data"], "--ephemeral").start()
    fill(emulator)
    before = seen(emulator)
    (directory,) = places["temporary"].iterdir()
    assert {"emulator.db", "cloud.sqlite3", "objects"} <= {path.name for path in directory.iterdir()}
    assert list(directory.glob("objects/??/*"))
    assert seen(emulator) == before
    must_be_empty(places, "home", "work")
    assert emulator.stop() == 0, emulator.log()
    must_be_empty(places, "home", "work", "temporary")
    assert not places["data"].exists()


def must_be_empty(places: dict[str, Path], *names: str) -> None:
    assert [str(path) for name in names for path in places[name].rglob("*")] == []
