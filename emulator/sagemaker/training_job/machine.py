"""The life of a training job: Starting, Downloading, Training, Uploading, and the ways it ends.

Statuses and messages are those of the service (``docs/reference/training.md`` names the sources).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import msgspec

from emulator.machines.machine import Alarm, Command, Event, Failed, Step

NOUN = "training-job"

STOP_GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL, as StopTrainingJob documents."""

_REASON_LIMIT = 1024

Phase = Literal["preparing", "staging", "launching", "training", "stopping", "uploading", "done"]
Ending = Literal["Completed", "Failed", "Stopped", "MaxRuntimeExceeded"]

_LIMITED = frozenset({"staging", "launching", "training"})
"""The phases in which MaxRuntimeInSeconds may end a job."""

_CLOSING_MESSAGE: Mapping[Ending, str] = {
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


@dataclass(frozen=True, slots=True)
class SecondaryStatus:
    """One entry of SecondaryStatusTransitions; times in seconds since the epoch."""

    status: str
    message: str
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class FinalMetric:
    """The last value of one metric that the container printed."""

    name: str
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Everything the emulator knows of a training job beyond its request."""

    phase: Phase
    status: str
    history: tuple[SecondaryStatus, ...]
    max_runtime: float
    log_stream: str
    """The stream's last part; its epoch is fixed at creation so that a restarted emulator goes on in it."""
    started_at: float | None = None
    ended_at: float | None = None
    container: dict[str, Any] | None = None
    ending: Ending | None = None
    """How the job will end once what is under way is done."""
    reason: str | None = None
    metrics: tuple[FinalMetric, ...] = ()

    @property
    def secondary(self) -> str:
        return self.history[-1].status

    @property
    def terminal(self) -> bool:
        return self.phase == "done"

    @property
    def seconds(self) -> int | None:
        """TrainingTimeInSeconds: begun seconds count, so that a job that ran never shows zero."""
        if self.started_at is None or self.ended_at is None:
            return None
        return math.ceil(self.ended_at - self.started_at)


@dataclass(frozen=True, slots=True)
class Prepared(Event):
    """The image is there and the job's directories are made."""


@dataclass(frozen=True, slots=True)
class Staged(Event):
    """The channels and the configuration files are in place."""


@dataclass(frozen=True, slots=True)
class Launched(Event):
    container: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exited(Event):
    """The container ended; ``failure`` is the text of its failure file."""

    code: int
    out_of_memory: bool = False
    failure: str = ""
    metrics: tuple[FinalMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """The container's own end cannot be had any more: somebody removed it, or the engine refuses to stop it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uploaded(Event):
    """The artifacts are in S3."""


@dataclass(frozen=True, slots=True)
class StopRequested(Event):
    """StopTrainingJob was called."""


@dataclass(frozen=True, slots=True)
class RuntimeExceeded(Event):
    """MaxRuntimeInSeconds have passed since the job started on its instance."""


@dataclass(frozen=True, slots=True)
class Prepare(Command):
    """See that the image can run and make the job's directories."""


@dataclass(frozen=True, slots=True)
class Stage(Command):
    """Bring channels and configuration files to where the container will see them."""


@dataclass(frozen=True, slots=True)
class Launch(Command):
    """Start the container."""


@dataclass(frozen=True, slots=True)
class Watch(Command):
    """Follow the container's output to its end and learn how it ended."""

    container: dict[str, Any]
    lasting: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """SIGTERM now, SIGKILL after the grace."""

    container: dict[str, Any]
    grace: float = STOP_GRACE


@dataclass(frozen=True, slots=True)
class Upload(Command):
    """Write model and output archives to S3."""


@dataclass(frozen=True, slots=True)
class Clean(Command):
    """Remove the container and the job's directory."""

    container: dict[str, Any] | None


def begin(at: float, max_runtime: float) -> TrainingJob:
    """A job as CreateTrainingJob leaves it."""
    return TrainingJob(
        phase="preparing",
        status="InProgress",
        history=(SecondaryStatus("Starting", "Starting the training job", at),),
        max_runtime=max_runtime,
        log_stream=f"algo-1-{int(at)}",
    )


class TrainingJobMachine:
    """`emulator.machines.machine.Machine` of training jobs."""

    noun = NOUN
    living = frozenset({"InProgress", "Stopping"})

    def load(self, state: Mapping[str, Any]) -> TrainingJob:
        return msgspec.convert(state, TrainingJob)

    def dump(self, life: TrainingJob) -> tuple[str, dict[str, Any]]:
        return life.status, msgspec.to_builtins(life)

    def resume(self, life: TrainingJob) -> tuple[Command, ...]:
        if life.terminal:
            return ()
        return (*_pending(life), *(_deadline(life) if life.phase in _LIMITED else ()))

    def step(self, life: TrainingJob, event: Event, at: float) -> Step[TrainingJob]:
        if life.terminal:
            return life, ()
        changed = _next(life, event, at)
        if changed is life:
            return life, ()
        return changed, _entered(life, changed)


def _entered(before: TrainingJob, after: TrainingJob) -> tuple[Command, ...]:
    if after.phase == before.phase:
        return ()
    if (before.phase, after.phase) == ("training", "stopping"):
        return (Stop(_container(after)),)  # it is being watched already
    # The alarm is set once: it rings in whatever phase the job is in by then.
    return (*_pending(after), *(_deadline(after) if after.phase == "staging" else ()))


def _pending(life: TrainingJob) -> tuple[Command, ...]:
    """What a job waits for in its phase, whether it enters it or resumes in it."""
    match life.phase:
        case "preparing":
            return (Prepare(),)
        case "staging":
            return (Stage(),)
        case "launching":
            return (Launch(),)
        case "training":
            return (Watch(_container(life)),)
        case "stopping":
            return (Stop(_container(life)), Watch(_container(life)))
        case "uploading":
            return (Upload(),)
        case "done":
            return (Clean(life.container),)


def _deadline(life: TrainingJob) -> tuple[Command, ...]:
    if life.started_at is None:
        return ()
    return (Alarm(life.started_at + life.max_runtime, RuntimeExceeded()),)


def _container(life: TrainingJob) -> dict[str, Any]:
    assert life.container is not None, f"a job in phase {life.phase} has a container"
    return life.container


def _next(life: TrainingJob, event: Event, at: float) -> TrainingJob:
    match event:
        case Prepared() if life.phase == "preparing":
            return _unless_ending(life, at) or _downloading(life, at)
        case Staged() if life.phase == "staging":
            return _unless_ending(life, at) or replace(_says(life, "Downloading the training image"), phase="launching")
        case Launched(container) if life.phase == "launching":
            return _training(replace(life, container=container), at)
        case Exited() if life.phase in ("training", "stopping"):
            return _exited(life, event, at)
        case Lost(reason) if life.phase in ("training", "stopping"):
            return _failed(life, reason, at)
        case Uploaded() if life.phase == "uploading":
            return _finish(life, life.ending or "Completed", at)
        case Failed(reason):
            return _failed(life, reason, at)
        case StopRequested():
            return _stop(life, "Stopped", at)
        case RuntimeExceeded():
            return _stop(life, "MaxRuntimeExceeded", at)
        case _:
            return life


def _downloading(life: TrainingJob, at: float) -> TrainingJob:
    ready = _says(life, "Preparing the instances for training")
    return replace(_enter(ready, "Downloading", "Downloading input data", at), phase="staging", started_at=at)


def _training(life: TrainingJob, at: float) -> TrainingJob:
    if life.ending is not None:
        return replace(life, phase="stopping")
    message = "Training image download completed. Training in progress."
    return replace(_enter(life, "Training", message, at), phase="training")


def _exited(life: TrainingJob, event: Exited, at: float) -> TrainingJob:
    life = replace(life, phase="uploading", metrics=event.metrics)
    if life.ending is not None:  # stopped on request: whatever the exit code, AWS calls the job Stopped
        return life
    life = _enter(life, "Uploading", "Uploading generated training model", at)
    if event.code == 0:
        return replace(life, ending="Completed")
    return replace(life, ending="Failed", reason=_shorten(_exit_reason(event)))


def _exit_reason(event: Exited) -> str:
    if event.out_of_memory:
        return (
            "ClientError: Please use an instance type with more memory, or reduce the size of job data processed "
            f"on an instance., exit code: {event.code}"
        )
    return f"AlgorithmError: {event.failure}, exit code: {event.code}"


def _failed(life: TrainingJob, reason: str, at: float) -> TrainingJob:
    if life.ending == "Failed":  # the algorithm's own reason matters more than what went wrong after it
        return _finish(life, "Failed", at)
    if life.ending in ("Stopped", "MaxRuntimeExceeded") and life.phase != "uploading":
        # What the container wrote is kept, however its end went; the upload ends it where it still runs.
        return _finish(life, life.ending, at) if life.container is None else replace(life, phase="uploading")
    return _finish(replace(life, reason=_shorten(reason)), "Failed", at)


def _stop(life: TrainingJob, ending: Ending, at: float) -> TrainingJob:
    if life.ending is not None or life.phase == "uploading":
        return life
    stopping = replace(_enter(life, "Stopping", "Stopping the training job", at), status="Stopping", ending=ending)
    return replace(stopping, phase="stopping") if life.phase == "training" else stopping


def _unless_ending(life: TrainingJob, at: float) -> TrainingJob | None:
    return _finish(life, life.ending, at) if life.ending is not None else None


def _finish(life: TrainingJob, ending: Ending, at: float) -> TrainingJob:
    status = "Stopped" if ending == "MaxRuntimeExceeded" else ending
    ended = at if life.started_at is not None else None
    closed = _enter(life, ending, _CLOSING_MESSAGE[ending], at, end=at)
    return replace(closed, phase="done", status=status, ending=ending, ended_at=ended)


def _enter(life: TrainingJob, status: str, message: str, at: float, end: float | None = None) -> TrainingJob:
    closed = replace(life.history[-1], end=at)
    return replace(life, history=(*life.history[:-1], closed, SecondaryStatus(status, message, at, end)))


def _says(life: TrainingJob, message: str) -> TrainingJob:
    """The message of the present entry changes in place, as clients that count entries expect."""
    if life.ending is not None:
        return life
    return replace(life, history=(*life.history[:-1], replace(life.history[-1], message=message)))


def _shorten(reason: str) -> str:
    return reason[:_REASON_LIMIT]
