"""`sagemaker-emulator`'s short commands, run to their end as a user does."""

from __future__ import annotations

import os
import subprocess
import sys


def start(*arguments: str) -> subprocess.Popen[str]:
    """Begin a command, with nothing of this machine's emulators and AWS accounts in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "emulator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean,
    )


def run(*arguments: str) -> str:
    """What a command says on stdout; it must succeed."""
    process = start(*arguments)
    said, error = process.communicate()
    assert process.returncode == 0, error
    return said


def refused(*arguments: str) -> str:
    """The one line on stderr of a command that must fail with exit code 1."""
    process = start(*arguments)
    said, error = process.communicate()
    assert (process.returncode, said, error.count("\n")) == (1, "", 1), error
    return error
