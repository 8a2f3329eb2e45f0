"""What a life is made of: events come in, a pure function answers with the next life and commands for the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a life. Plain data: an event is stored as JSON with the transition it causes."""


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """A command could not be carried out; ``reason`` is written for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do in the world. Carrying one out twice must be harmless: after a crash it is done again.

    A ``lasting`` command ends when its container does; the emulator does not wait for it when it stops.
    """

    lasting: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Alarm(Command):
    """Post ``event`` at time ``at`` (seconds since the epoch), or at once when that is past."""

    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Reserve(Command):
    """Ask for ``count`` instances. ``granted`` is posted once they are to be had, ``queued`` when that is not now."""

    count: int
    granted: Event
    queued: Event


@dataclass(frozen=True, slots=True)
class Hold(Command):
    """The life has ``count`` instances already: said again after each restart."""

    count: int


@dataclass(frozen=True, slots=True)
class Release(Command):
    """Give back the life's instances, or its place among those who wait for some."""


LifeT = TypeVar("LifeT")

Step = tuple[LifeT | None, tuple[Command, ...]]
"""The next life (None: the resource ceases to exist) and what to do in the world."""


class Machine(Protocol[LifeT]):
    """The rules of one kind of life. No I/O, no clock, no threads: the same input gives the same answer."""

    noun: str
    living: frozenset[str]
    """The statuses in which a life may wait for something."""

    def load(self, state: Mapping[str, Any]) -> LifeT:
        """The life kept in a resource's state document."""
        ...

    def dump(self, life: LifeT) -> tuple[str, dict[str, Any]]:
        """The resource's status and state document."""
        ...

    def step(self, life: LifeT, event: Event, at: float) -> Step[LifeT]:
        """What ``event``, which happened at ``at``, does. An event that no longer matters changes nothing."""
        ...

    def resume(self, life: LifeT) -> tuple[Command, ...]:
        """The commands that a life in this phase is waiting for: given when it begins and after each restart."""
        ...
