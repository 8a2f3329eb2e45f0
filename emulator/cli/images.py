"""``sagemaker-emulator images``: the first-party images in the Docker Engine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

import click

from emulator.cli.table import table


@click.group("images")
def command() -> None:
    """Build and list the images of the built-in algorithms."""


@command.command("build")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def build(names: tuple[str, ...]) -> None:
    """Build the images NAME, or all. What is built already and unchanged takes a moment."""
    from emulator.engines.docker.build import build as build_images
    from emulator.engines.images import FIRST_PARTY
    from emulator.engines.port import EngineError

    chosen = names or tuple(FIRST_PARTY)
    try:
        build_images(chosen, _progress())
    except EngineError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Built: {', '.join(chosen)}")


@command.command("list")
def list_() -> None:
    """List the images: missing, built, or outdated (built from other sources than there are now)."""
    from emulator.engines.docker.build import statuses
    from emulator.engines.port import EngineError

    try:
        found = statuses()
    except EngineError as error:
        raise click.ClickException(str(error)) from error
    rows = [(one.name, one.state, "" if one.size is None else f"{one.size / 1e6:.0f} MB", one.tag) for one in found]
    for line in table([("NAME", "STATE", "SIZE", "TAG"), *rows]):
        click.echo(line)


def _progress() -> Callable[[str], None]:
    """Every line for a log; on a terminal one line that changes, below those that say which image it is about."""
    return _one_line if sys.stdout.isatty() else click.echo


def _one_line(text: str) -> None:
    if text.startswith(("Building ", "Pulling ")):
        click.echo(f"\r\033[K{text}", color=True)
    else:
        click.echo(f"\r\033[K  {text.strip()}"[: shutil.get_terminal_size().columns], nl=False, color=True)
