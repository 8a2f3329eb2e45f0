"""The life of a warm pool: Available until its time is up or a job takes it over, then InUse until that job ends.

The job that left it is told of each change; a pool whose time is up is Ending until it has been.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from emulator.machines.machine import Alarm, Command, Event, Step
from emulator.sagemaker.training_job.life import LeftPool

NOUN = "training-warm-pool"

Status = Literal["Available", "InUse", "Reused", "Ending", "Terminated"]


@dataclass(frozen=True, slots=True)
class WarmPool:
    """A pool's life; times in seconds since the epoch. A container waits in it where the image can wait."""

    status: Status
    retained_at: float
    keep_alive: int
    container: dict[str, Any] | None = None
    used_by: str | None = None
    """The name of the job that took it over, and ``used_by_uid`` its uid."""
    used_by_uid: str | None = None
    ended_at: float | None = None

    @property
    def expires_at(self) -> float:
        return self.retained_at + self.keep_alive

    @property
    def left(self) -> LeftPool:
        """The pool as the job that left it shows it: one that another job uses has been reused."""
        shown: Mapping[Status, Literal["Available", "Reused", "Terminated"]] = {
            "Available": "Available",
            "InUse": "Reused",
            "Reused": "Reused",
        }
        status = shown.get(self.status, "Terminated")
        kept = None if self.ended_at is None else max(0, math.ceil(self.ended_at - self.retained_at))
        return LeftPool(status, self.keep_alive, kept, self.used_by)


@dataclass(frozen=True, slots=True)
class Warmed(Event):
    """A container waits for the next job."""

    container: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed(Event):
    """A job takes the pool over."""

    job: str
    uid: str


@dataclass(frozen=True, slots=True)
class Freed(Event):
    """The job that took the pool over does not need it any more."""

    uid: str


@dataclass(frozen=True, slots=True)
class Prolonged(Event):
    """UpdateTrainingJob gave it another KeepAlivePeriodInSeconds."""

    keep_alive: int


@dataclass(frozen=True, slots=True)
class Expired(Event):
    """Its time may be up: it may have been given more meanwhile."""


@dataclass(frozen=True, slots=True)
class Told(Event):
    """The job that left the pool knows what became of it."""


@dataclass(frozen=True, slots=True)
class Tell(Command):
    """Let the job that left the pool know what has become of it."""


@dataclass(frozen=True, slots=True)
class Check(Command):
    """See that the job which took the pool over has not ended."""


@dataclass(frozen=True, slots=True)
class Warm(Command):
    """Start a container that waits, where the image can."""


@dataclass(frozen=True, slots=True)
class Discard(Command):
    """Remove the container and the pool's directory."""

    container: dict[str, Any] | None


class WarmPoolMachine:
    """`emulator.machines.machine.Machine` of warm pools."""

    noun = NOUN
    living = frozenset({"Available", "InUse", "Ending"})

    def load(self, state: Mapping[str, Any]) -> WarmPool:
        return msgspec.convert(state, WarmPool)

    def dump(self, life: WarmPool) -> tuple[str, dict[str, Any]]:
        return life.status, msgspec.to_builtins(life)

    def resume(self, life: WarmPool) -> tuple[Command, ...]:
        match life.status:
            case "Available":
                return (Tell(), *(() if life.container else (Warm(),)), _alarm(life))
            case "InUse":
                return (Tell(), Check())
            case "Ending":
                return (Discard(life.container), Tell())
            case _:
                return ()

    def step(self, life: WarmPool, event: Event, at: float) -> Step[WarmPool]:
        match life.status, event:
            case "Available" | "InUse", Warmed(container):
                return replace(life, container=container), ()
            case _, Warmed(container):
                return life, (Discard(container),)
            case "Available", Claimed(job, uid):
                return replace(life, status="InUse", used_by=job, used_by_uid=uid, ended_at=at), (Tell(),)
            case "InUse", Freed(uid) if uid == life.used_by_uid:
                return replace(life, status="Reused"), (Discard(life.container),)
            case "Available", Prolonged(keep_alive):
                longer = replace(life, keep_alive=keep_alive)
                return longer, (_alarm(longer),)
            case "Available", Expired() if at >= life.expires_at:
                return replace(life, status="Ending", ended_at=at), (Discard(life.container), Tell())
            case "Ending", Told():
                return replace(life, status="Terminated"), ()
            case _:
                return life, ()


def _alarm(life: WarmPool) -> Alarm:
    return Alarm(life.expires_at, Expired())
