"""``sagemaker-emulator snapshot``: the whole state as one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emulator.cli.found import find
from emulator.cli.options import settings_options
from emulator.cli.progress import Progress
from emulator.cli.up import UMASK
from emulator.cli.which import which_emulator
from emulator.settings import ENV_PREFIX, Settings, default_data_dir

if TYPE_CHECKING:
    from emulator.snapshot import Manifest

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("snapshot")
def command() -> None:
    """Save the whole state as one file, and load it elsewhere: for caches of CI, and for bug reports.

    A snapshot holds what the state holds, objects and credentials included. Load only what you trust: it can run
    programs in the emulator.
    """


@command.command("save")
@click.argument("file", type=_FILE)
@which_emulator
def save(file: Path, data_dir: Path | None, port: int | None) -> None:
    """Write the state to FILE, of a running emulator (which goes on) or else of a data directory."""
    running = find(data_dir, port)
    if running is None and port is not None:
        raise click.ClickException("No emulator runs there.")
    with _reported(), Progress("Saved") as progress:
        if running is not None:
            from emulator.cli import download

            size = download.snapshot(running.url, file, progress.at)
        else:
            size = _save_directory(data_dir or default_data_dir(), file, progress)
    click.echo(f"Saved: {file} ({size / 1e6:.1f} MB)")


@command.command("load")
@click.argument("file", type=_FILE)
@settings_options("data_dir")
@click.option("--force", is_flag=True, help="Replace the state that is there.")
def load(file: Path, data_dir: Path, force: bool) -> None:
    """Let the next `up` on a data directory go on from the state in FILE.

    Jobs that were running when FILE was saved end as Failed; endpoints start again.
    """
    from emulator.snapshot import load as load_into

    os.umask(UMASK)
    with _reported(), Progress("Read") as progress:
        loaded = load_into(file, data_dir, replace=force, told=progress.at)
    click.echo(f"Loaded: {data_dir}, as saved on {loaded.created_at}. Go on with `{_up(data_dir, loaded)}`.")


def _save_directory(data_dir: Path, file: Path, progress: Progress) -> int:
    from emulator.snapshot import of_directory, write

    with closing(of_directory(data_dir)) as archive:
        return write(archive, file, progress.at)


def _up(data_dir: Path, loaded: Manifest) -> str:
    """The command that starts an emulator which shows what was loaded: resources belong to an account and a region."""
    words = ["sagemaker-emulator up"]
    if data_dir != default_data_dir():
        words.append(f"--data-dir {data_dir}")
    usual = Settings()
    for name, wanted in (("account", loaded.account), ("region", loaded.region)):
        if wanted not in (None, os.environ.get(ENV_PREFIX + name.upper(), getattr(usual, name))):
            words.append(f"--{name} {wanted}")
    return " ".join(words)


@contextmanager
def _reported() -> Iterator[None]:
    """Turn what a user can mend into one line on stderr and exit code 1."""
    from emulator.datadir import DataDirError
    from emulator.snapshot import SnapshotError

    try:
        yield
    except (DataDirError, SnapshotError) as error:
        raise click.ClickException(str(error)) from error
