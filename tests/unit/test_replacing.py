"""New state takes the place of the old one at once, whenever the process is killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import replacing


class Killed(BaseException):
    """What stands for the end of the process: nothing catches it."""


def put(directory: Path, state: str) -> None:
    (directory / "objects" / "ab").mkdir(parents=True)
    for name in ("emulator.db", "cloud.sqlite3", "objects/ab/blob"):
        (directory / name).write_text(state)


def held(data_dir: Path) -> set[str]:
    return {path.read_text() for path in data_dir.rglob("*") if path.is_file()}


def kill_at(monkeypatch: pytest.MonkeyPatch, last: int) -> list[str]:
    """Let the process die before its change number ``last`` of the file system; answers the changes it made."""
    made: list[str] = []

    def counted(change: Callable[..., Any], name: str) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if len(made) == last:
                raise Killed
            made.append(name)
            return change(*arguments, **options)

        return run

    for where, name in ((Path, "rename"), (Path, "unlink"), (shutil, "rmtree"), (os, "fsync")):
        monkeypatch.setattr(where, name, counted(getattr(where, name), name))
    return made


def replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int) -> bool:
    """Replace old state by new, killed before change ``last``, and open the directory again; whether it was killed."""
    data_dir = tmp_path / str(last)
    put(data_dir, "old")
    (data_dir / "cloud.sqlite3-wal").write_text("old")
    put(replacing.incoming(data_dir), "new")
    with monkeypatch.context() as patched:
        made = kill_at(patched, last)
        try:
            replacing.commit(data_dir)
            killed = False
        except Killed:
            killed = True
    replacing.finish(data_dir)
    assert held(data_dir) == ({"new"} if "rename" in made else {"old"})
    assert {path.name for path in data_dir.iterdir()} >= {"emulator.db", "cloud.sqlite3", "objects"}
    assert not {path.name for path in data_dir.iterdir()} & {"incoming", "accepted"}
    return killed


def test_killed_at_any_change_it_leaves_all_of_the_old_or_all_of_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = 0
    while replaced(tmp_path, monkeypatch, last):
        last += 1
    assert last > 10


def test_what_was_not_committed_is_removed(tmp_path: Path) -> None:
    put(tmp_path, "old")
    put(replacing.incoming(tmp_path), "new")
    replacing.finish(tmp_path)
    assert held(tmp_path) == {"old"}


def test_a_directory_without_state_gets_it(tmp_path: Path) -> None:
    assert not replacing.holds_state(tmp_path)
    put(replacing.incoming(tmp_path), "new")
    assert not replacing.holds_state(tmp_path)
    replacing.commit(tmp_path)
    assert held(tmp_path) == {"new"}
