"""Emulators in the background: `up --detach`, `status`, `down`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from emulator.cli.status import duration
from tests.running import until
from tests.unit.cli.conftest import Run

UP = ("up", "--detach", "--engine", "process", "--port", "0")


def port(ready: str) -> str:
    return ready.split()[1].rpartition(":")[2]


def told(status: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in status.splitlines())}


def test_an_emulator_in_the_background_is_there_until_it_is_ended(run: Run, tmp_path: Path) -> None:
    up = run(*UP)
    assert up.returncode == 0, up.stderr
    assert up.stdout.startswith("Ready: http://127.0.0.1:")
    assert len(up.stdout.splitlines()) == 1

    status = run("status")
    assert status.returncode == 0, status.stderr
    facts = told(status.stdout)
    assert facts["url"] == up.stdout.split()[1]
    assert facts["engine"].startswith("process (Python ")
    assert set(facts["alive"].split(", ")) == {"0 training-job", "0 training-warm-pool", "0 endpoint"}
    assert os.getpgid(int(facts["pid"])) != os.getpgrp()

    down = run("down")
    assert (down.returncode, down.stdout) == (0, f"Ended: {facts['url']}\n")

    assert run("status").returncode == 1
    assert run("down").stderr == "Error: No emulator runs.\n"


def test_its_log_is_in_the_data_directory(run: Run, tmp_path: Path) -> None:
    run(*UP, "--log-level", "debug", "--data-dir", str(tmp_path / "data"))

    assert "Started server process" in (tmp_path / "data" / "emulator.log").read_text()
    assert run("status", "--data-dir", str(tmp_path / "data")).returncode == 0
    assert run("down", "--data-dir", str(tmp_path / "data")).returncode == 0


@pytest.mark.parametrize("given", [True, False])
def test_what_it_keeps_is_for_its_user_only(run: Run, tmp_path: Path, given: bool) -> None:
    run(*UP, *(["--data-dir", str(tmp_path / "data")] if given else []))

    (log,) = tmp_path.rglob("emulator.log")
    assert {"emulator.db", "cloud.sqlite3", "emulator-id"} <= {path.name for path in log.parent.iterdir()}
    for path in (log.parent, *log.parent.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_data_directory_that_was_there_keeps_its_mode(run: Run, tmp_path: Path) -> None:
    shared = tmp_path / "data"
    shared.mkdir()
    shared.chmod(0o755)

    run(*UP, "--data-dir", str(shared))

    assert shared.stat().st_mode & 0o777 == 0o755
    assert (shared / "emulator.log").stat().st_mode & 0o077 == 0


def test_ephemeral_emulators_are_found_by_their_port_and_leave_nothing(run: Run, environment: dict[str, str]) -> None:
    one, other = (run(*UP, "--ephemeral").stdout for _ in range(2))
    temporary = Path(environment["TMPDIR"])
    assert len(list(temporary.glob("sagemaker-emulator-*/emulator.log"))) == 2

    several = run("down")
    assert several.returncode == 2
    assert port(one) in several.stderr
    assert port(other) in several.stderr

    assert run("down", "--port", port(one)).returncode == 0
    assert told(run("status").stdout)["url"].endswith(port(other))
    assert run("down").returncode == 0
    assert list(temporary.iterdir()) == []


def test_a_failed_start_says_why(run: Run, taken_port: int, tmp_path: Path) -> None:
    done = run("up", "--detach", "--engine", "process", "--port", str(taken_port))

    assert done.returncode == 1
    assert done.stdout == ""
    assert f"Error: Cannot listen on 127.0.0.1:{taken_port}" in done.stderr
    assert "emulator.log" in done.stderr


def test_a_failed_ephemeral_start_leaves_nothing(run: Run, taken_port: int, environment: dict[str, str]) -> None:
    done = run("up", "--detach", "--ephemeral", "--engine", "process", "--port", str(taken_port))

    assert done.returncode == 1
    assert f"Error: Cannot listen on 127.0.0.1:{taken_port}" in done.stderr
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def test_an_earlier_log_is_not_shown_again(run: Run, taken_port: int) -> None:
    run(*UP)
    run("down")
    first = run("up", "--detach", "--engine", "process", "--port", str(taken_port))
    second = run("up", "--detach", "--engine", "process", "--port", str(taken_port))

    assert second.stderr.count("Cannot listen") == first.stderr.count("Cannot listen") == 1


def test_a_second_emulator_on_the_same_data_is_refused(run: Run) -> None:
    run(*UP)

    again = run(*UP)

    assert again.returncode == 1
    assert "Another emulator uses the data directory" in again.stderr
    assert run("status").returncode == 0


def test_an_emulator_that_crashed_is_not_taken_for_running(run: Run, environment: dict[str, str]) -> None:
    run(*UP)
    os.kill(int(told(run("status").stdout)["pid"]), signal.SIGKILL)
    until(lambda: run("status").returncode == 1)

    assert list(Path(environment["HOME"]).rglob("running.json"))
    assert run("down").stderr == "Error: No emulator runs.\n"
    assert run(*UP).returncode == 0


def test_down_says_where_it_found_none(run: Run) -> None:
    assert run("down", "--port", "1").stderr == "Error: No emulator runs there.\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90061, "1 d 1 h")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
