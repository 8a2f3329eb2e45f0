"""``sagemaker-emulator down``: end a running emulator."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

from emulator.cli.found import Found, find
from emulator.cli.which import which_emulator

_POLL = 0.05


@click.command("down")
@which_emulator
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait for its end."
)
def command(data_dir: Path | None, port: int | None, timeout: float) -> None:
    """End the emulator that runs in the background, or in another terminal."""
    running = find(data_dir, port)
    if running is None:
        raise click.ClickException("No emulator runs there." if data_dir or port else "No emulator runs.")
    _end(running)
    if not _gone(running, timeout):
        raise click.ClickException(
            f"The emulator (pid {running.pid}) has not ended after {timeout:g} s. `kill {running.pid}` ends it at once."
        )
    click.echo(f"Ended: {running.url}")


def _end(running: Found) -> None:
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return  # it ended just now
    except PermissionError as error:
        raise click.ClickException(f"The emulator (pid {running.pid}) belongs to another user.") from error


def _gone(running: Found, patience: float) -> bool:
    """Wait until it has given its directory back. Its pid says less: it may stay until its parent asks after it."""
    deadline = time.monotonic() + patience
    while running.runs:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True
