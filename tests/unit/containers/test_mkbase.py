"""The script that makes the base image, with stand-ins for the programs it calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from emulator.engines.images import containers_dir

TAG = "test/python:3.11"


def run(
    folder: Path, codename: str, mmdebstrap: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    """The script's end and every call of docker, on a machine of Debian release ``codename``."""
    programs, calls = folder / "bin", folder / "calls"
    programs.mkdir()
    calls.touch()
    (folder / "os-release").write_text(f"ID=debian\nVERSION_CODENAME={codename}\n")
    program(programs / "mmdebstrap", mmdebstrap)
    program(programs / "docker", f'echo "$*" >> {calls}\n[ "$1" != import ] || {{ cat >/dev/null; echo sha256:made; }}')
    script = folder / "mkbase.sh"
    text = (containers_dir() / "mkbase.sh").read_text(encoding="utf-8")
    script.write_text(text.replace("/etc/os-release", str(folder / "os-release")))
    path = f"{programs}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", str(script), TAG], env={"PATH": path, **environment}, capture_output=True, text=True, check=False
    )
    return ended, calls.read_text()


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_the_image_is_named_once_it_is_made(tmp_path: Path) -> None:
    ended, calls = run(tmp_path, "bookworm", "echo a tree")
    assert ended.returncode == 0, ended.stderr
    assert calls.splitlines()[-1] == f"tag sha256:made {TAG}"


@pytest.mark.parametrize("codename", ["trixie", "noble"])
def test_another_release_is_refused_with_what_to_do(tmp_path: Path, codename: str) -> None:
    ended, calls = run(tmp_path, codename, "echo a tree")
    assert (ended.returncode, calls) == (1, "")
    assert "Debian 12" in ended.stderr
    assert "APT_SOURCES" in ended.stderr


def test_on_another_release_the_packages_of_debian_12_may_be_named(tmp_path: Path) -> None:
    ended, calls = run(tmp_path, "trixie", "echo a tree", APT_SOURCES="/sources")
    assert ended.returncode == 0, ended.stderr
    assert calls.splitlines()[-1] == f"tag sha256:made {TAG}"


def test_a_tree_that_fails_gives_nothing_the_name(tmp_path: Path) -> None:
    ended, calls = run(tmp_path, "bookworm", "exit 1")
    assert ended.returncode != 0
    assert "tag " not in calls
    assert TAG not in calls
