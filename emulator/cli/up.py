"""``sagemaker-emulator up``: serve until a signal comes, or start in the background."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from emulator.cli.options import settings_options
from emulator.settings import Settings, default_data_dir

if TYPE_CHECKING:
    from emulator.app import Emulator

READY = "Ready: "
"""How the one line on stdout begins."""

UMASK = 0o077
"""Whatever the mode of the data directory, the files that are made in it are the user's only. What containers see is
opened to their users explicitly."""


_SWITCH_SECONDS = 0.001
"""How long a worker may keep the event loop waiting for the interpreter. With Python's own 5 ms the slowest invocations
beside an upload in ten parts took 10 to 39 ms, with this 9 to 14 (p99 of six windows each, two cores)."""


@click.command("up")
@settings_options()
@click.option("-d", "--detach", is_flag=True, help="Run in the background; end it with `sagemaker-emulator down`.")
def command(detach: bool, **values: Any) -> None:
    """Start the emulator."""
    settings = Settings(**values)
    os.umask(UMASK)
    sys.setswitchinterval(_SWITCH_SECONDS)
    if detach:
        from emulator.cli.detach import detached

        click.echo(detached(settings))
    else:
        serve(settings)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. The signal may come at any time, a second one ends the process at once."""
    _log_to_stderr(settings.log_level)
    signals = Signals()
    with reported():
        from emulator.app import Emulator

        emulator = Emulator(settings).start()
    click.echo(_ready(emulator))
    sys.stdout.flush()
    signals.wait()
    with reported():
        _say_what_goes_on(emulator)
        emulator.stop()


class Signals:
    """SIGINT and SIGTERM: the first is waited for, the next ends the process at once.

    A handler may not touch locks that the interrupted code holds, which rules out `threading.Event`; and blocking
    the signals for `signal.sigwait` would pass the block on to every process that is started. The interpreter itself
    writes to the pipe: a handler in Python would not run if the signal came an instant before the read began.
    """

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._seen = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def wait(self) -> None:
        """Block until a signal has come."""
        os.read(self._reading, 1)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._seen:
            os._exit(128 + number)
        self._seen = True


@contextmanager
def reported() -> Iterator[None]:
    """Turn what a user can mend into one line on stderr and exit code 1."""
    from emulator.datadir import DataDirError
    from emulator.engines.port import EngineError
    from emulator.front.server import PortInUse
    from emulator.objects.server import S3ServerError
    from emulator.sagemaker.quotas import UnknownQuota
    from emulator.state.sql import WrongSchema
    from emulator.state.sqlite import StateUnreadable

    try:
        yield
    except (DataDirError, EngineError, S3ServerError, StateUnreadable, UnknownQuota, WrongSchema) as error:
        raise click.ClickException(str(error)) from error
    except PortInUse as error:
        raise click.ClickException(error.strerror or str(error)) from error


def _ready(emulator: Emulator) -> str:
    settings = emulator.settings
    usual = not settings.ephemeral and settings.data_dir == default_data_dir()
    which = "" if usual else f" --url {emulator.url}"
    return f'{READY}{emulator.url}  ({emulator.health()["engine"]["name"]})  eval "$(sagemaker-emulator env{which})"'


def _say_what_goes_on(emulator: Emulator) -> None:
    if emulator.settings.ephemeral:
        return
    jobs = emulator.health()["alive"].get("training-job", 0)
    if jobs:
        what = "1 training job goes" if jobs == 1 else f"{jobs} training jobs go"
        click.echo(f"{what} on; the next `sagemaker-emulator up` picks up where this one ends.", err=True)


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if level != "debug":  # uvicorn tells at level info that it starts and ends; our own line says that better
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
