from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.engines.port import EngineError
from emulator.engines.process import isolation


def room(**changes: Any) -> isolation.Room:
    given = {"ml": Path("/job/ml"), "tmp": Path("/job/tmp"), "hostname": "algo-1", "network": True, "visible": ()}
    return isolation.Room(**{**given, **changes})


def test_bubblewrap_binds_the_jobs_directory_and_keeps_python_visible() -> None:
    python = (Path("/opt/python"), Path("/opt/python/bin/python"), Path("/usr"), Path("/tmp/venv"))
    command = " ".join(isolation.Bubblewrap().wrap(["python"], room(visible=python)).argv)
    assert "--bind /job/ml /opt/ml" in command
    assert "--ro-bind /opt/python /opt/python" in command
    assert "--ro-bind /tmp/venv /tmp/venv" in command
    assert "/opt/python/bin" not in command
    assert "--unshare-net" not in command


def test_every_sandbox_can_do_without_a_network() -> None:
    assert "--unshare-net" in isolation.Bubblewrap().wrap(["x"], room(network=False)).argv
    assert "--net" in isolation.Unshare().wrap(["x"], room(network=False)).argv


def test_the_base_directory_cannot_and_says_so() -> None:
    with pytest.raises(EngineError, match="EnableNetworkIsolation"):
        isolation.BaseDirectory().wrap(["x"], room(network=False))


def test_the_base_directory_is_told_by_environment() -> None:
    assert isolation.BaseDirectory().wrap(["x"], room()).environment["SAGEMAKER_BASE_DIR"] == "/job/ml"


def test_unshare_does_not_hide_a_python_below_opt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_ML", "/opt/no-such-directory")
    with pytest.raises(EngineError, match="sudo mkdir"):
        isolation.Unshare().wrap(["x"], room(visible=(Path("/opt/python"),)))


def test_what_is_not_installed_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not isolation.works(isolation.Bubblewrap())
    assert not isolation.works(isolation.Unshare())


def test_the_best_way_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    isolation.best.cache_clear()
    monkeypatch.setattr(isolation, "works", lambda way: way.name == "unshare")
    assert isolation.best().name == "unshare"
    isolation.best.cache_clear()
    monkeypatch.setattr(isolation, "works", lambda way: False)
    assert isolation.best().name == "base directory"
    isolation.best.cache_clear()
