"""How a training job ends, or begins again: the part of its rules in which something happens to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from emulator.sagemaker.training_job.events import Exited
from emulator.sagemaker.training_job.life import Ending, FinalMetric, LeftPool, TrainingJob, enter

_REASON_LIMIT = 1024

_INTERNAL = "InternalServerError"

_CLOSING_MESSAGE: Mapping[Ending, str] = {
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
}


def stop(life: TrainingJob, ending: Ending, at: float) -> TrainingJob:
    """The job is to end before its time."""
    if life.ending is not None or life.phase in ("uploading", "retaining"):
        return life
    stopping = replace(enter(life, "Stopping", "Stopping the training job", at), status="Stopping", ending=ending)
    if life.phase == "waiting":
        return close(stopping, ending, at)
    return replace(stopping, phase="stopping") if life.phase == "training" else stopping


def interrupt(life: TrainingJob, at: float) -> TrainingJob:
    """The spot instances are taken away; a job that has none, or ends anyway, does not notice."""
    if not life.terms.spot or life.ending is not None or life.interrupted or life.resumed_at is None:
        return life
    if life.phase not in ("staging", "launching", "training"):
        return life
    # The text is a choice: no source quotes the service's.
    gone = replace(enter(life, "Interrupted", "Training job interrupted", at), again="Interrupted")
    return replace(gone, phase="stopping") if life.phase == "training" else gone


def due(life: TrainingJob, at: float) -> TrainingJob | None:
    """The life that ends or begins again now that what was under way is done; None for one that goes on."""
    if life.ending is not None:
        return close(life, life.ending, at)
    return _clearing(life, at) if life.interrupted else None


def all_ended(life: TrainingJob, at: float) -> TrainingJob:
    """The last container has ended."""
    if life.ending is None and life.interrupted:
        return _clearing(life, at)
    if life.ending in (None, "Failed"):  # who was stopped on request stays Stopping while the artifacts are written
        life = enter(life, "Uploading", "Uploading generated training model", at)
    return replace(life, phase="uploading", ending=life.ending or "Completed")


def reason_of(event: Exited) -> str | None:
    """The FailureReason of a container that ended by itself; None when all went well."""
    if event.fault:
        return event.fault
    if event.code == 0:
        return None
    if event.out_of_memory:
        return (
            "ClientError: Please use an instance type with more memory, or reduce the size of job data processed "
            f"on an instance., exit code: {event.code}"
        )
    return f"AlgorithmError: {event.failure}, exit code: {event.code}"


def is_tried_again(life: TrainingJob, reason: str) -> bool:
    """Whether RetryStrategy lets the job begin again after a failure with this reason."""
    return life.retries > 0 and reason.startswith(_INTERNAL)


def fail(life: TrainingJob, reason: str, at: float) -> TrainingJob:
    """Something beyond the program's own end went wrong."""
    if life.phase == "retaining":
        return finish(life, life.ending or "Failed", at)
    if life.ending == "Failed":  # the first reason matters more than what comes after it
        return close(life, "Failed", at)
    if life.ending is not None and life.phase not in ("uploading", "clearing"):
        # What the containers wrote is kept, however their end went; the upload ends those that still run.
        return replace(life, phase="uploading") if life.containers else close(life, life.ending, at)
    if life.ending is None and life.phase != "clearing" and is_tried_again(life, reason):
        return _clearing(replace(life, retries=life.retries - 1, again="Restarting"), at)
    return close(replace(life, reason=shorten(reason)), "Failed", at)


def _clearing(life: TrainingJob, at: float) -> TrainingJob:
    return replace(_parted(life, at), phase="clearing")


def _parted(life: TrainingJob, at: float) -> TrainingJob:
    """The job has its instances no longer."""
    if life.resumed_at is None:
        return life
    return replace(life, spent=life.spent + max(0.0, at - life.resumed_at), resumed_at=None)


def begin_again(life: TrainingJob, at: float) -> TrainingJob:
    """A new attempt, on new instances; a stop that came meanwhile ends the job instead."""
    if life.ending is not None:
        return close(life, life.ending, at)
    # The API's documentation of RetryStrategy: the SecondaryStatus is changed to Starting.
    return replace(
        enter(life, "Starting", "Starting the training job", at),
        phase="waiting",
        attempt=life.attempt + 1,
        log_epoch=int(at),
        containers={},
        ended=(),
        again=None,
        pool=None,
    )


def close(life: TrainingJob, ending: Ending, at: float) -> TrainingJob:
    """The job ends; before that, what concerns warm pools is settled."""
    if life.pool is None and not keeps_instances(life):
        return finish(life, ending, at)
    return replace(life, phase="retaining", ending=ending)


def keeps_instances(life: TrainingJob) -> bool:
    """Whether the instances go to a warm pool: not when the service itself failed, nor when there never were any."""
    sound = life.reason is None or not life.reason.startswith((_INTERNAL, "CapacityError"))
    return life.terms.keep_alive > 0 and life.started_at is not None and sound


def finish(life: TrainingJob, ending: Ending, at: float) -> TrainingJob:
    """The job has ended."""
    status = ending if ending in ("Completed", "Failed") else "Stopped"
    ended = at if life.started_at is not None else None
    closed = enter(_parted(life, at), ending, _CLOSING_MESSAGE[ending], at, end=at)
    return replace(closed, phase="done", status=status, ending=ending, ended_at=ended)


def newer(known: LeftPool | None, told: LeftPool | None) -> LeftPool | None:
    """What has become of the pool, whatever the order in which it was told: none is Available again."""
    if told is None or (known is not None and known.status != "Available" and told.status == "Available"):
        return known
    return told


def merged(known: Iterable[FinalMetric], more: Iterable[FinalMetric]) -> tuple[FinalMetric, ...]:
    """The last value of each metric over all hosts, by name."""
    last: dict[str, FinalMetric] = {}
    for metric in sorted((*known, *more), key=lambda metric: metric.at):
        last[metric.name] = metric
    return tuple(last[name] for name in sorted(last))


def shorten(reason: str) -> str:
    """As much of a FailureReason as the API shows."""
    return reason[:_REASON_LIMIT]
