"""``sagemaker-emulator doctor``: what is fine, what is not, and how to mend it."""

from __future__ import annotations

import sys
from typing import Any

import click

from emulator.cli.options import settings_options
from emulator.cli.table import table
from emulator.settings import Settings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@settings_options("host", "port", "data_dir", "engine", "region", "s3_endpoint_url", "s3_profile")
def command(**values: Any) -> None:
    """Check whether `up` with the same options would work. Exit code 1 when something must be mended."""
    from emulator.cli.checks import everything

    found = list(everything(Settings(**values)))
    lines = table([(check.state, check.subject, check.detail) for check in found])
    for check, line in zip(found, lines, strict=True):
        click.echo(click.style(line[:4], fg=_COLOURS[check.state]) + line[4:])
        if check.remedy:
            click.echo(f"      {check.remedy}")
    if any(check.state == "fail" for check in found):
        sys.exit(1)
