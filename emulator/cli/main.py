"""The command ``sagemaker-emulator``: finds its commands by name and loads only the one that is asked for."""

from __future__ import annotations

from importlib import import_module

import click

from emulator.version import __version__

NAME = "sagemaker-emulator"

_COMMANDS = ("up", "down", "status", "env", "doctor", "images", "snapshot", "version")


class Commands(click.Group):
    """The commands in the order a newcomer needs them. Each is ``command`` in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = import_module(f"emulator.cli.{cmd_name}").command
        return found


@click.group(cls=Commands, name=NAME, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=NAME)
def cli() -> None:
    """Amazon SageMaker on your own machine: really trains, really serves, from one URL.

    Start it with `sagemaker-emulator up`, then point any AWS client at it: `eval "$(sagemaker-emulator env)"`.
    """


def main() -> None:
    """The entry point of the installed command."""
    cli(prog_name=NAME)
