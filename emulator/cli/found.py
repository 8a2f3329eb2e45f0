"""Finding the emulators of this user that run on this machine, the ephemeral ones included."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from emulator.datadir import Running
from emulator.settings import default_data_dir

HEALTH = "/_emulator/health"
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """A running emulator and the directory it keeps its state in."""

    data_dir: Path
    pid: int
    url: str

    @property
    def port(self) -> int:
        return port_of(self.url)

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        now = at(self.data_dir)
        return now is not None and now.pid == self.pid

    def health(self) -> dict[str, Any] | None:
        """What it says about itself, or None when it does not answer."""
        return health(self.url)


def at(data_dir: Path) -> Found | None:
    """The emulator that uses ``data_dir``, or None. It holds the directory's lock, so its pid is not stale."""
    running = Running.read(data_dir)
    return None if running is None else Found(data_dir, running.pid, running.url)


def find(data_dir: Path | None, port: int | None) -> Found | None:
    """The emulator a user means, or None: the one of ``data_dir``, listening on ``port``, as far as they are given.

    With neither it is the one of the default directory, else the only ephemeral one; raises `click.UsageError`
    when there are several.
    """
    running = _running(data_dir)
    if port is not None:
        return next((one for one in running if one.port == port), None)
    if len(running) > 1 and running[0].data_dir != default_data_dir():
        ports = ", ".join(str(one.port) for one in running)
        raise click.UsageError(f"Several emulators run; say which one with --port: {ports}.")
    return running[0] if running else None


def health(url: str, patience: float = _PATIENCE) -> dict[str, Any] | None:
    """What the emulator at ``url`` says about itself; None when none answers there within ``patience`` seconds."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=patience)
    try:
        connection.request("GET", HEALTH)
        answer = json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) and "engine" in answer else None


def port_of(url: str) -> int:
    """The port of ``url``; raises `ValueError` when it names none."""
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"{url} names no port")
    return port


def _running(data_dir: Path | None) -> list[Found]:
    places = [data_dir] if data_dir is not None else [default_data_dir(), *_ephemeral_dirs()]
    return [one for place in places if (one := at(place)) is not None]


def _ephemeral_dirs() -> Iterator[Path]:
    """The temporary directories of this user's emulators; what others put there might name any process."""
    for path in sorted(Path(tempfile.gettempdir()).glob("sagemaker-emulator-*")):
        if path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.getuid():
            yield path
