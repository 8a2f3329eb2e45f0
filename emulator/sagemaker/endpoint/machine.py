"""The life of an endpoint: Creating, InService, Updating (the new fleet before the old one goes), Deleting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import msgspec

from emulator.machines.machine import Alarm, Command, Event, Failed, Step

NOUN = "endpoint"

_LONGEST_PAUSE = 60.0
_REMOVE_AGAIN = 5.0

Phase = Literal["creating", "serving", "updating", "failed", "deleting"]

_STATUS: Mapping[Phase, str] = {
    "creating": "Creating",
    "serving": "InService",
    "updating": "Updating",
    "failed": "Failed",
    "deleting": "Deleting",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One production variant as it was configured when the fleet was planned.

    The models behind a configuration may be deleted while an endpoint uses them, so all it needs is kept here.
    """

    name: str
    instance_type: str
    instances: tuple[str, ...]
    """Instance ids, one for each instance."""
    weight: float
    role: str
    container: dict[str, Any]
    """The ContainerDefinition of CreateModel."""
    startup_timeout: float
    """Seconds until the first good ping."""
    random_routing: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """One running container: its instance id, its handle, and when it answered its first ping."""

    id: str
    container: dict[str, Any]
    ready_at: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that serves one endpoint configuration. ``id`` tells two fleets of an endpoint apart."""

    id: str
    config: str
    variants: tuple[Variant, ...]
    planned_at: float
    running: tuple[Instance, ...] = ()
    lost: tuple[str, ...] = ()
    """Ids of instances whose containers ended and are not back yet."""

    @property
    def serving(self) -> tuple[Instance, ...]:
        """The instances that can take invocations."""
        return tuple(instance for instance in self.running if instance.id not in self.lost)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything the emulator knows of an endpoint beyond its request."""

    phase: Phase
    fleet: Fleet | None = None
    """The fleet that serves; None until one does."""
    coming: Fleet | None = None
    """The fleet being made."""
    reason: str | None = None
    restarts: int = 0
    """How often containers of the serving fleet had to be started again; an update begins anew."""

    @property
    def status(self) -> str:
        return _STATUS[self.phase]


@dataclass(frozen=True, slots=True)
class Deployed(Event):
    """Every instance of a fleet answers its pings."""

    fleet: str
    running: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class DeployFailed(Event):
    """A fleet did not come up; ``reason`` is the FailureReason."""

    fleet: str
    reason: str


@dataclass(frozen=True, slots=True)
class InstanceLost(Event):
    """The container of an instance ended while it was to serve."""

    fleet: str
    instance: str


@dataclass(frozen=True, slots=True)
class TryAgain(Event):
    """The pause before starting lost containers again is over."""

    fleet: str


@dataclass(frozen=True, slots=True)
class UpdateRequested(Event):
    """UpdateEndpoint was called; ``fleet`` is planned, nothing of it runs yet."""

    fleet: Fleet


@dataclass(frozen=True, slots=True)
class DeleteRequested(Event):
    """DeleteEndpoint was called."""


@dataclass(frozen=True, slots=True)
class Removed(Event):
    """Nothing of the endpoint is left."""


@dataclass(frozen=True, slots=True)
class Deploy(Command):
    """See that every container of the fleet runs and answers; those that do are left alone."""

    fleet: Fleet


@dataclass(frozen=True, slots=True)
class Route(Command):
    """Send the endpoint's invocations to this fleet."""

    fleet: Fleet


@dataclass(frozen=True, slots=True)
class Guard(Command):
    """Notice when a container ends."""

    fleet: Fleet
    instance: Instance
    lasting: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Retire(Command):
    """Stop the containers of a fleet that no longer serves and remove them."""

    fleet: Fleet


@dataclass(frozen=True, slots=True)
class Remove(Command):
    """Take the endpoint out of the routes, stop and remove all its containers and files."""

    fleets: tuple[Fleet, ...]


class EndpointMachine:
    """`emulator.machines.machine.Machine` of endpoints."""

    noun = NOUN
    living = frozenset({"Creating", "InService", "Updating", "Deleting"})

    def load(self, state: Mapping[str, Any]) -> Endpoint:
        return msgspec.convert(state, Endpoint)

    def dump(self, life: Endpoint) -> tuple[str, dict[str, Any]]:
        return life.status, msgspec.to_builtins(life)

    def resume(self, life: Endpoint) -> tuple[Command, ...]:
        match life.phase:
            case "creating":
                return (Deploy(_coming(life)),)
            case "serving":
                return (Deploy(_serving(life)),)
            case "updating":
                return (Deploy(_serving(life)), Deploy(_coming(life)))
            case "deleting":
                return (Remove(_fleets(life)),)
            case "failed":
                return ()

    def step(self, life: Endpoint, event: Event, at: float) -> Step[Endpoint]:
        if life.phase == "deleting":
            return _removal(life, event, at)
        if life.phase in ("creating", "updating") and _is_about(event, _coming(life)):
            return _coming_news(life, event)
        if life.phase in ("serving", "updating") and _is_about(event, _serving(life)):
            return _serving_news(life, event, at)
        match event:
            case UpdateRequested(fleet) if life.phase == "serving":
                return replace(life, phase="updating", coming=fleet, reason=None), (Deploy(fleet),)
            case DeleteRequested() if life.phase in ("serving", "failed"):
                return replace(life, phase="deleting"), (Remove(_fleets(life)),)
            case Failed(reason) if life.phase in ("creating", "updating"):
                return _give_up(life, reason)
            case Failed() if life.phase == "serving":
                return _pause(life, at)
        return life, ()


def _removal(life: Endpoint, event: Event, at: float) -> Step[Endpoint]:
    """An endpoint that is being deleted comes to its end, however often that has to be tried."""
    match event:
        case Removed():
            return None, ()
        case Failed():
            return life, (Alarm(at + _REMOVE_AGAIN, TryAgain("")),)
        case TryAgain(""):
            return life, (Remove(_fleets(life)),)
    return life, ()


def _is_about(event: Event, fleet: Fleet) -> bool:
    return isinstance(event, Deployed | DeployFailed | InstanceLost | TryAgain) and event.fleet == fleet.id


def _coming_news(life: Endpoint, event: Event) -> Step[Endpoint]:
    match event:
        case Deployed():
            return _switch(life, event)
        case DeployFailed(_, reason):
            return _give_up(life, reason)
    return life, ()


def _serving_news(life: Endpoint, event: Event, at: float) -> Step[Endpoint]:
    match event:
        case Deployed():
            return _restored(life, event)
        case DeployFailed():
            return _pause(life, at)
        case InstanceLost(_, instance):
            return _lost(life, instance, at)
        case TryAgain():
            return life, (Deploy(_serving(life)),)
    return life, ()


def _switch(life: Endpoint, event: Deployed) -> Step[Endpoint]:
    fleet = replace(_coming(life), running=event.running)
    serving = replace(life, phase="serving", fleet=fleet, coming=None, reason=None, restarts=0)
    retired = (Retire(life.fleet),) if life.fleet is not None else ()
    return serving, (Route(fleet), *_guards(fleet), *retired)


def _restored(life: Endpoint, event: Deployed) -> Step[Endpoint]:
    fleet = replace(_serving(life), running=event.running, lost=())
    return replace(life, fleet=fleet), (Route(fleet), *_guards(fleet))


def _give_up(life: Endpoint, reason: str) -> Step[Endpoint]:
    """A fleet that does not come up: without another the endpoint is Failed, else the old one goes on serving."""
    coming = _coming(life)
    if life.fleet is None:
        return replace(life, phase="failed", reason=reason), (Retire(coming),)
    return replace(life, phase="serving", coming=None, reason=reason), (Retire(coming),)


def _lost(life: Endpoint, instance: str, at: float) -> Step[Endpoint]:
    """Traffic leaves a lost instance at once; its container is started again after a pause."""
    fleet = _serving(life)
    fleet = replace(fleet, lost=tuple(sorted({*fleet.lost, instance})))
    life, again = _pause(replace(life, fleet=fleet), at)
    return life, (Route(fleet), *again)


def _pause(life: Endpoint, at: float) -> tuple[Endpoint, tuple[Command, ...]]:
    """The service replaces lost instances; one that is lost again and again is given ever more time."""
    pause = min(2.0**life.restarts, _LONGEST_PAUSE) if life.restarts else 0.0
    return replace(life, restarts=life.restarts + 1), (Alarm(at + pause, TryAgain(_serving(life).id)),)


def _guards(fleet: Fleet) -> tuple[Command, ...]:
    return tuple(Guard(fleet, instance) for instance in fleet.running)


def _fleets(life: Endpoint) -> tuple[Fleet, ...]:
    return tuple(fleet for fleet in (life.fleet, life.coming) if fleet is not None)


def _serving(life: Endpoint) -> Fleet:
    assert life.fleet is not None, f"an endpoint in phase {life.phase} has a serving fleet"
    return life.fleet


def _coming(life: Endpoint) -> Fleet:
    assert life.coming is not None, f"an endpoint in phase {life.phase} has a coming fleet"
    return life.coming
