"""What the emulator knows of a training job beyond its request."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

NOUN = "training-job"

DEFAULT_MAX_RUNTIME = 86400
"""Seconds, as the API documents for a request without StoppingCondition."""

Phase = Literal[
    "waiting",
    "preparing",
    "staging",
    "launching",
    "training",
    "stopping",
    "clearing",
    "uploading",
    "retaining",
    "done",
]
Ending = Literal["Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"]


@dataclass(frozen=True, slots=True)
class SecondaryStatus:
    """One entry of SecondaryStatusTransitions; times in seconds since the epoch."""

    status: str
    message: str
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class FinalMetric:
    """The last value of one metric that a container printed."""

    name: str
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What the request lays down of the life. Durations in seconds; the waits count from the job's creation."""

    hosts: tuple[str, ...]
    max_runtime: float
    max_wait: float | None = None
    max_pending: float | None = None
    spot: bool = False
    spot_price: float = 1.0
    """What a second of an instance counts in BillableTimeInSeconds."""
    keep_alive: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """The warm pool that a job took over, and the container that waits in it, if any does."""

    name: str
    uid: str
    container: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LeftPool:
    """What has become of the warm pool that a job left, as the job shows it; durations in seconds."""

    status: Literal["Available", "Reused", "Terminated"]
    keep_alive: int
    billable_seconds: int | None = None
    reused_by: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A job's life. An interruption or a retry begins a new attempt, on new instances."""

    phase: Phase
    status: str
    history: tuple[SecondaryStatus, ...]
    terms: Terms
    log_epoch: int
    """In the names of the attempt's log streams, fixed so that a restarted emulator goes on in them."""
    retries: int = 0
    """How often the job may still be tried again after an InternalServerError."""
    attempt: int = 1
    started_at: float | None = None
    resumed_at: float | None = None
    """When the present attempt got its instances."""
    spent: float = 0.0
    """Seconds that earlier attempts had instances."""
    ended_at: float | None = None
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Host to handle, in the present attempt."""
    ended: tuple[str, ...] = ()
    """The hosts whose containers have ended."""
    ending: Ending | None = None
    """How the job will end once what is under way is done."""
    again: Literal["Interrupted", "Restarting"] | None = None
    """Why the job begins anew once what is under way is done."""
    reason: str | None = None
    metrics: tuple[FinalMetric, ...] = ()
    pool: Claim | None = None
    left: LeftPool | None = None

    @property
    def secondary(self) -> str:
        return self.history[-1].status

    @property
    def terminal(self) -> bool:
        return self.phase == "done"

    @property
    def interrupted(self) -> bool:
        return self.again is not None

    @property
    def running(self) -> tuple[str, ...]:
        """The hosts whose containers have not ended."""
        return tuple(host for host in self.containers if host not in self.ended)

    @property
    def deadline(self) -> float | None:
        """When MaxRuntimeInSeconds, which counts all attempts, are over; None while there are no instances."""
        return None if self.resumed_at is None else self.resumed_at + self.terms.max_runtime - self.spent

    @property
    def seconds(self) -> int | None:
        """TrainingTimeInSeconds: begun seconds count, so that a job that ran never shows zero."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(1, math.ceil(self.spent))

    @property
    def billable_seconds(self) -> int | None:
        """The training time, or as much of it as spot instances cost beside others."""
        return None if self.seconds is None else max(1, math.ceil(self.seconds * self.terms.spot_price))


def enter(life: TrainingJob, status: str, message: str, at: float, end: float | None = None) -> TrainingJob:
    """The life with one more secondary status."""
    closed = replace(life.history[-1], end=at)
    return replace(life, history=(*life.history[:-1], closed, SecondaryStatus(status, message, at, end)))


def says(life: TrainingJob, message: str) -> TrainingJob:
    """The message of the present entry changes in place, as clients that count entries expect."""
    if life.ending is not None or life.interrupted:
        return life
    return replace(life, history=(*life.history[:-1], replace(life.history[-1], message=message)))
