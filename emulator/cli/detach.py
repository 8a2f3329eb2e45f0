"""Starting an emulator in the background."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from emulator.cli import found
from emulator.cli.options import arguments
from emulator.datadir import make_private
from emulator.settings import Settings

LOG = "emulator.log"
_TAIL = 20


def detached(settings: Settings) -> str:
    """Start `up` in a session of its own, wait until it serves, and answer its ready line.

    Raises `click.ClickException` with the end of its log when it does not come up.
    """
    log = _log_file(settings)
    before = log.stat().st_size
    child = _start(settings, log)
    assert child.stdout is not None
    try:
        ready = child.stdout.readline().strip()
    except BaseException:  # Ctrl-C while waiting: nobody would know of the emulator
        child.terminate()
        raise
    if not ready:
        raise click.ClickException(_why_not(child, log, before, keep=not settings.ephemeral))
    if settings.ephemeral:
        _give_log(child.pid, log, ready)
    return ready


def _start(settings: Settings, log: Path) -> subprocess.Popen[str]:
    with log.open("ab") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "emulator", "up", *arguments(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # carries the ready line and nothing else, so nobody needs to read on
            stderr=stderr,
            start_new_session=True,
            text=True,
        )


def _log_file(settings: Settings) -> Path:
    if settings.ephemeral:  # its directory will be made by the emulator itself
        descriptor, name = tempfile.mkstemp(prefix="sagemaker-emulator-", suffix=".log")
        os.close(descriptor)
        return Path(name)
    try:
        make_private(settings.data_dir, synced=settings.synced)
        log = settings.data_dir / LOG
        log.touch(mode=0o600)
    except OSError as error:
        raise click.ClickException(
            f"The data directory {settings.data_dir} cannot be used: {error.strerror}."
        ) from error
    return log


def _why_not(child: subprocess.Popen[str], log: Path, before: int, keep: bool) -> str:
    code = child.wait()
    said = log.read_bytes()[before:].decode(errors="replace").splitlines()
    if not keep:
        log.unlink()
    where = f"; its whole log is {log}" if keep else ""
    return "\n".join([f"The emulator did not start (exit code {code}{where}).", *said[-_TAIL:]])


def _give_log(pid: int, log: Path, ready: str) -> None:
    """Move the log into the emulator's own directory, with which it will go."""
    port = found.port_of(ready.removeprefix("Ready: ").split()[0])
    running = found.find(None, port)
    if running is not None and running.pid == pid:
        log.replace(running.data_dir / LOG)
