"""``sagemaker-emulator version``: the versions a bug report should name."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from emulator.version import __version__

_PACKAGES = (
    "boto3", "botocore", "moto", "docker", "flask", "uvicorn", "uvloop", "httptools", "sqlalchemy", "click",
    "numpy", "scikit-learn", "xgboost-cpu", "onnxruntime",
)  # fmt: skip


@click.command("version")
def command() -> None:
    """Show the versions of the emulator and of what it is made of."""
    click.echo(f"sagemaker-emulator {__version__}")
    click.echo(f"python {platform.python_version()} ({platform.system()} {platform.machine()})")
    for name in _PACKAGES:
        click.echo(f"{name} {_version(name)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
