"""``sagemaker-emulator env``: what points AWS clients at the emulator, ready for the shell to evaluate."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from urllib.parse import urlsplit

import click

from emulator.cli.found import find, health
from emulator.cli.options import settings_options
from emulator.cli.which import which_emulator
from emulator.settings import Settings

_FORMATS: Mapping[str, Callable[[str, str], str]] = {
    "bash": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} '{_escaped(value)}'",
    "powershell": lambda name, value: "$Env:{} = '{}'".format(name, value.replace("'", "''")),
}


@click.command("env")
@click.option("--shell", type=click.Choice(list(_FORMATS)), help="Whose syntax; by default that of $SHELL.")
@which_emulator
@click.option("--url", help="The emulator at this URL, here or on another machine.")
@settings_options("region")
def command(shell: str | None, data_dir: Path | None, port: int | None, url: str | None, region: str) -> None:
    """Print the environment of AWS clients: eval "$(sagemaker-emulator env)"."""
    url = url or _url(data_dir, port)
    line = _FORMATS[shell or shell_of(os.environ)]
    for name, value in variables(url, _region(url, region), os.environ).items():
        click.echo(line(name, value))


def variables(url: str, region: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which every AWS SDK and the AWS command line speak to the emulator at ``url``.

    ``environ`` is the one they have now; what it keeps from proxies is kept.
    """
    unproxied = _unproxied(url, environ)
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Else an SDK that misses something waits for the metadata service of a machine this is not.
        "AWS_EC2_METADATA_DISABLED": "true",
        # No proxy reaches this machine; some clients read the one spelling, some the other.
        "NO_PROXY": unproxied,
        "no_proxy": unproxied,
    }


def _unproxied(url: str, environ: Mapping[str, str]) -> str:
    """The hosts of ``environ`` that are asked without a proxy, and the one of ``url``."""
    listed = ",".join(environ.get(name, "") for name in ("NO_PROXY", "no_proxy")).split(",")
    own = [entry for entry in (each.strip() for each in listed) if entry]
    if "*" in own:
        return "*"  # means every host only where it stands alone
    return ",".join(dict.fromkeys([*own, *_hosts(url)]))


def _hosts(url: str) -> list[str]:
    """The host of ``url`` as clients compare it; of an IPv6 address some take the brackets for a part."""
    host = urlsplit(url).hostname or ""
    return [host, f"[{host}]"] if ":" in host else [host] if host else []


def shell_of(environ: Mapping[str, str]) -> str:
    """The syntax the user's shell needs; bash's serves every shell that is not one of the others."""
    name = PurePath(environ.get("SHELL", "")).name
    if name == "fish":
        return "fish"
    return "powershell" if name in ("pwsh", "powershell") or (not name and sys.platform == "win32") else "bash"


def _url(data_dir: Path | None, port: int | None) -> str:
    running = find(data_dir, port)
    if running is not None:
        return running.url
    usual = Settings()
    url = f"http://{usual.host}:{port or usual.port}"
    if port is None:
        click.echo(f"No emulator runs yet; this is for one at {url}.", err=True)
    return url


def _region(url: str, asked: str) -> str:
    """The region that was asked for, else the emulator's own, else the default."""
    source = click.get_current_context().get_parameter_source("region")
    if source is not click.core.ParameterSource.DEFAULT or (answer := health(url)) is None:
        return asked
    return str(answer["region"])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
