"""The command as a user runs it: a process of its own, in a home directory of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's emulators, AWS accounts and settings is to be seen."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_", "XDG_"))}
    return {**kept, "HOME": str(tmp_path / "home"), "TMPDIR": str(temporary), "SHELL": "/bin/bash"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Iterator[Run]:
    """Run the command to its end. Emulators that a test leaves in the background are ended after it."""

    def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "emulator", *arguments],
            capture_output=True,
            text=True,
            env=environment | more,
            check=False,
        )

    yield command
    for announcement in tmp_path.rglob("running.json"):
        command("down", "--data-dir", str(announcement.parent))


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which something that is no emulator listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])
