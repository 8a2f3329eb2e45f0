"""The rules of a training job's life: what each event does to it, and what is to be done in the world then.

Statuses and messages are those of the service (``docs/reference/training.md`` names the sources). What a life holds is
in `life`, what happens to it in `events`, what it asks for in `commands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from emulator.machines.machine import Alarm, Command, Event, Failed, Hold, Release, Reserve, Step
from emulator.sagemaker.training_job import ends
from emulator.sagemaker.training_job.commands import (
    FAILED_GRACE,
    STOP_GRACE,
    Clean,
    Launch,
    Prepare,
    Retain,
    Stage,
    Stop,
    Upload,
    Watch,
)
from emulator.sagemaker.training_job.events import (
    Cleaned,
    Exited,
    Granted,
    Interrupted,
    Launched,
    Lost,
    PendingExceeded,
    PoolChanged,
    Prepared,
    Queued,
    Retained,
    RuntimeExceeded,
    Staged,
    StopRequested,
    Uploaded,
    WaitExceeded,
)
from emulator.sagemaker.training_job.life import NOUN, SecondaryStatus, Terms, TrainingJob, enter, says
from emulator.sagemaker.training_job.upgrading import upgraded

_LIMITED = frozenset({"staging", "launching", "training"})
"""The phases in which MaxRuntimeInSeconds may end a job."""

_HOLDING = frozenset({"preparing", "staging", "launching", "training", "stopping"})
"""The phases in which a job has its instances."""


def begin(at: float, terms: Terms, retries: int = 0) -> TrainingJob:
    """A job as CreateTrainingJob leaves it; ``retries`` is its RetryStrategy's MaximumRetryAttempts."""
    return TrainingJob(
        phase="waiting",
        status="InProgress",
        history=(SecondaryStatus("Starting", "Starting the training job", at),),
        terms=terms,
        log_epoch=int(at),
        retries=retries,
    )


class TrainingJobMachine:
    """`emulator.machines.machine.Machine` of training jobs."""

    noun = NOUN
    living = frozenset({"InProgress", "Stopping"})

    def load(self, state: Mapping[str, Any]) -> TrainingJob:
        return msgspec.convert(upgraded(state), TrainingJob)

    def dump(self, life: TrainingJob) -> tuple[str, dict[str, Any]]:
        return life.status, msgspec.to_builtins(life)

    def resume(self, life: TrainingJob) -> tuple[Command, ...]:
        if life.terminal:
            return ()
        held = (Hold(len(life.terms.hosts)),) if life.phase in _HOLDING else ()
        return (*held, *_pending(life), *(_deadline(life) if life.phase in _LIMITED else ()), *_patience(life))

    def step(self, life: TrainingJob, event: Event, at: float) -> Step[TrainingJob]:
        if isinstance(event, PoolChanged):  # the one thing that still happens to a job that has ended
            return replace(life, left=ends.newer(life.left, event.left)), ()
        if life.terminal:
            return life, ()
        changed = _next(life, event, at)
        return changed, () if changed is life else _entered(life, changed)


def _entered(before: TrainingJob, after: TrainingJob) -> tuple[Command, ...]:
    if after.phase == before.phase:
        return ()
    if (before.phase, after.phase) == ("training", "stopping"):
        return _stops(after)  # each host is being watched already
    given_back = (Release(),) if after.phase not in _HOLDING and after.phase != "waiting" else ()
    return (*given_back, *_pending(after), *(_deadline(after) if after.phase == "staging" else ()))


def _pending(life: TrainingJob) -> tuple[Command, ...]:
    """What a job waits for in its phase, whether it enters it or resumes in it."""
    match life.phase:
        case "waiting":
            return (Reserve(len(life.terms.hosts), Granted(), Queued()),)
        case "preparing":
            return (Prepare(),)
        case "staging":
            return (Stage(),)
        case "launching":
            return (Launch(),)
        case "training":
            return _watches(life)
        case "stopping":
            return (*_stops(life), *_watches(life))
        case "uploading":
            return (Upload(),)
        case "retaining":
            return (Retain(),)
        case "clearing" | "done":
            return (Clean(tuple(life.containers.values())),)


def _watches(life: TrainingJob) -> tuple[Command, ...]:
    return tuple(Watch(host, life.containers[host], life.attempt) for host in life.running)


def _stops(life: TrainingJob) -> tuple[Command, ...]:
    grace = FAILED_GRACE if life.ending == "Failed" else STOP_GRACE
    return tuple(Stop(host, life.containers[host], grace, life.attempt) for host in life.running)


def _deadline(life: TrainingJob) -> tuple[Command, ...]:
    return () if life.deadline is None else (Alarm(life.deadline, RuntimeExceeded()),)


def _patience(life: TrainingJob) -> tuple[Command, ...]:
    """The alarms that were set when the job was created."""
    begun, terms = life.history[0].start, life.terms
    waited = () if terms.max_wait is None else (Alarm(begun + terms.max_wait, WaitExceeded()),)
    if terms.max_pending is None or life.phase != "waiting":
        return waited
    return (*waited, Alarm(begun + terms.max_pending, PendingExceeded()))


def _next(life: TrainingJob, event: Event, at: float) -> TrainingJob:
    match event:
        case Exited() | Lost():
            return _host_ended(life, event, at)
        case StopRequested():
            return ends.stop(life, "Stopped", at)
        case RuntimeExceeded() if life.deadline is not None and at >= life.deadline:
            return ends.stop(life, "MaxRuntimeExceeded", at)
        case WaitExceeded():
            return ends.stop(life, "MaxWaitTimeExceeded", at)
        case PendingExceeded() if life.phase == "waiting":
            return ends.stop(life, "Stopped", at)
        case Interrupted():
            return ends.interrupt(life, at)
        case Failed(reason):
            return ends.fail(life, reason, at)
        case _:
            return _onward(life, event, at)


def _onward(life: TrainingJob, event: Event, at: float) -> TrainingJob:
    """The way of a job to which nothing happens; an outcome that is not this phase's is none."""
    match life.phase, event:
        case "waiting" | "preparing", Queued():
            return says(life, "Insufficient capacity error from EC2 while launching instances, retrying!")
        case "waiting", Granted():
            return replace(says(life, "Launching requested ML instances"), phase="preparing")
        case "preparing", Prepared(pool):
            life = replace(life, pool=pool)  # also when the job is to end: it must give the pool back
            return ends.due(life, at) or _downloading(life, at)
        case "staging", Staged():
            return ends.due(life, at) or replace(says(life, "Downloading the training image"), phase="launching")
        case "launching", Launched(containers):
            return _training(replace(life, containers=containers), at)
        case "uploading", Uploaded():
            return ends.close(life, life.ending or "Completed", at)
        case "retaining", Retained(left):
            return ends.finish(replace(life, left=ends.newer(life.left, left)), life.ending or "Completed", at)
        case "clearing", Cleaned():
            return ends.begin_again(life, at)
        case _:
            return life


def _downloading(life: TrainingJob, at: float) -> TrainingJob:
    ready = enter(says(life, "Preparing the instances for training"), "Downloading", "Downloading input data", at)
    started = at if life.started_at is None else life.started_at
    return replace(ready, phase="staging", started_at=started, resumed_at=at)


def _training(life: TrainingJob, at: float) -> TrainingJob:
    if life.ending is not None or life.interrupted:
        return replace(life, phase="stopping")
    message = "Training image download completed. Training in progress."
    return replace(enter(life, "Training", message, at), phase="training")


def _host_ended(life: TrainingJob, event: Exited | Lost, at: float) -> TrainingJob:
    """One host's container has ended; the job goes on until all of them have."""
    if life.phase not in ("training", "stopping") or event.attempt != life.attempt or event.host not in life.running:
        return life
    undecided = life.ending is None and not life.interrupted
    if isinstance(event, Lost) and undecided:
        return ends.fail(life, event.reason, at)
    if isinstance(event, Exited) and undecided and ends.is_tried_again(life, event.fault):
        return ends.fail(life, event.fault, at)
    life = replace(life, ended=(*life.ended, event.host))
    if isinstance(event, Exited):
        life = replace(life, metrics=ends.merged(life.metrics, event.metrics))
        if undecided and (reason := ends.reason_of(event)) is not None:
            life = replace(life, ending="Failed", reason=ends.shorten(reason))
    if not life.running:
        return ends.all_ended(life, at)
    return replace(life, phase="stopping") if life.ending == "Failed" else life
