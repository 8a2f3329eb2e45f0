"""The options that say which running emulator a command is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from emulator.cli.options import Directory
from emulator.settings import ENV_PREFIX

_Function = TypeVar("_Function", bound=Callable[..., Any])


def which_emulator(function: _Function) -> _Function:
    """Add ``--data-dir`` and ``--port`` to a command that looks for a running emulator."""
    by_directory = click.option(
        "--data-dir",
        type=Directory(),
        envvar=ENV_PREFIX + "DATA_DIR",
        show_envvar=True,
        help="The emulator that keeps its state there.",
    )
    by_port = click.option("--port", type=click.IntRange(1, 65535), help="The emulator that listens on this port.")
    return by_directory(by_port(function))
