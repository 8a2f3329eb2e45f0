"""What a training job asks of the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.machines.machine import Command

STOP_GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL, as StopTrainingJob documents; spot instances give two minutes' notice, too."""

FAILED_GRACE = 10.0
"""The same for the hosts of a cluster of which one has failed. A choice: the service does not say."""


@dataclass(frozen=True, slots=True)
class Prepare(Command):
    """See that the image can run, take over a warm pool and make the hosts' directories."""


@dataclass(frozen=True, slots=True)
class Stage(Command):
    """Bring channels and configuration files to where the containers will see them."""


@dataclass(frozen=True, slots=True)
class Launch(Command):
    """Start a container for each host."""


@dataclass(frozen=True, slots=True)
class Watch(Command):
    """Attend a host's container to its end and learn how it ended."""

    host: str
    container: dict[str, Any]
    attempt: int
    lasting: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """SIGTERM now, SIGKILL after the grace."""

    host: str
    container: dict[str, Any]
    grace: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Upload(Command):
    """Write the artifacts to S3."""


@dataclass(frozen=True, slots=True)
class Retain(Command):
    """Give back the warm pool that was taken over, and leave the instances to one if the request says so."""


@dataclass(frozen=True, slots=True)
class Clean(Command):
    """Remove the containers and the job's directory."""

    containers: tuple[dict[str, Any], ...]
