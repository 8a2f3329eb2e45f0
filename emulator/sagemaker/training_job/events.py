"""What can happen to a training job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.machines.machine import Event
from emulator.sagemaker.training_job.life import Claim, FinalMetric, LeftPool


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """There are no instances for the job now."""


@dataclass(frozen=True, slots=True)
class Granted(Event):
    """The job has its instances."""


@dataclass(frozen=True, slots=True)
class Prepared(Event):
    """The image is there and the hosts' directories are made; ``pool`` is the warm pool that the job took over."""

    pool: Claim | None = None


@dataclass(frozen=True, slots=True)
class Staged(Event):
    """The channels and the configuration files are in place."""


@dataclass(frozen=True, slots=True)
class Launched(Event):
    """Each host has its container."""

    containers: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Exited(Event):
    """A host's container ended; ``failure`` is the text of its failure file.

    ``fault`` is a FailureReason that does not come from the program: its input or its checkpoints could not be moved.
    """

    host: str
    attempt: int
    code: int
    out_of_memory: bool = False
    failure: str = ""
    fault: str = ""
    metrics: tuple[FinalMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """A container's own end cannot be had any more: somebody removed it, or the engine refuses to stop it."""

    host: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Uploaded(Event):
    """The artifacts are in S3."""


@dataclass(frozen=True, slots=True)
class Retained(Event):
    """What the job leaves to a warm pool, or had of one, is settled."""

    left: LeftPool | None = None


@dataclass(frozen=True, slots=True)
class PoolChanged(Event):
    """Something became of the warm pool that the job left."""

    left: LeftPool


@dataclass(frozen=True, slots=True)
class Cleaned(Event):
    """The containers and directories of the attempt are gone."""


@dataclass(frozen=True, slots=True)
class StopRequested(Event):
    """StopTrainingJob was called."""


@dataclass(frozen=True, slots=True)
class RuntimeExceeded(Event):
    """MaxRuntimeInSeconds may have passed on the job's instances: a later attempt has more time left."""


@dataclass(frozen=True, slots=True)
class WaitExceeded(Event):
    """MaxWaitTimeInSeconds have passed since a spot job was created."""


@dataclass(frozen=True, slots=True)
class PendingExceeded(Event):
    """MaxPendingTimeInSeconds have passed since the job was created."""


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The spot instances are taken away."""
