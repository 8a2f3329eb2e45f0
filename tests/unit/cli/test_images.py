"""`sagemaker-emulator images`."""

from __future__ import annotations

import pytest

from emulator.cli import images
from tests.unit.cli.conftest import NO_DOCKER, Run


@pytest.mark.parametrize("command", ["list", "build"])
def test_without_docker_it_says_so_in_one_line(run: Run, command: str) -> None:
    done = run("images", command, **NO_DOCKER)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: Docker could not answer at unix:///nowhere/docker.sock: it is not running.")
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_image_is_refused_with_the_known_ones(run: Run) -> None:
    done = run("images", "build", "tensorflow", **NO_DOCKER)

    assert done.returncode == 1
    assert done.stderr == "Error: No such image: tensorflow. There are: base, xgboost.\n"


@pytest.mark.docker
def test_the_list_names_every_image_and_its_state(run: Run) -> None:
    done = run("images", "list")

    assert done.returncode == 0, done.stderr
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    assert head == ["NAME", "STATE", "SIZE", "TAG"]
    assert [row[0] for row in rows] == ["base", "xgboost"]
    assert {row[1] for row in rows} <= {"missing", "built", "outdated"}


def test_on_a_terminal_one_line_changes_and_each_image_keeps_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("Building a", "Step 1", "Step 2", "Building b"):
        images._one_line(line)

    assert capsys.readouterr().out == ("\r\033[KBuilding a\n\r\033[K  Step 1\r\033[K  Step 2\r\033[KBuilding b\n")
