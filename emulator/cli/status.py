"""``sagemaker-emulator status``: whether an emulator runs, where, and what it is doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from emulator.cli.found import Found, find
from emulator.cli.which import which_emulator

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


@click.command("status")
@which_emulator
def command(data_dir: Path | None, port: int | None) -> None:
    """Show the running emulator; exit code 1 when there is none."""
    running = find(data_dir, port)
    if running is None:
        raise click.ClickException("No emulator runs. Start one with `sagemaker-emulator up`.")
    health = running.health()
    if health is None:
        raise click.ClickException(f"The emulator at {running.url} (pid {running.pid}) does not answer.")
    for name, value in _lines(running, health):
        click.echo(f"{name:<9} {value}")


def _lines(running: Found, health: dict[str, Any]) -> list[tuple[str, str]]:
    engine = health["engine"]
    return [
        ("url", running.url),
        ("pid", str(running.pid)),
        (
            "engine",
            f"{engine['name']} ({engine['version']})" if engine["ok"] else f"{engine['name']}: {engine['detail']}",
        ),
        ("uptime", duration(health["uptime_seconds"])),
        ("data", health["data_dir"] or "ephemeral"),
        ("alive", ", ".join(f"{count} {noun}" for noun, count in health["alive"].items())),
    ]


def duration(seconds: float) -> str:
    """``seconds`` in its two largest units: 3 h 12 min."""
    parts: list[str] = []
    rest = int(seconds)
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join([*parts, f"{rest} s"][:2])
