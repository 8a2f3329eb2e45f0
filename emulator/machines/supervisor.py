"""The supervisor: applies events to lives, stores life and transition in one transaction, then runs the commands.

Each command runs on a thread of its own (watching a container lasts as long as the container) and its outcome is the
next event. After a restart every life is given its pending commands again, so that nothing acknowledged is lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from emulator.clock import Clock
from emulator.machines.alarms import Alarms
from emulator.machines.capacity import Capacity
from emulator.machines.machine import Alarm, Command, Event, Failed, Hold, Machine, Release, Reserve
from emulator.state.store import Key, Missing, Resource, Store, StoreUnavailable, Transition

log = logging.getLogger(__name__)

# Events of one resource come one after another; resources that share a stripe only wait for a database commit.
_STRIPES = 64

_TRY_AGAIN_SECONDS = 1.0

Work = Callable[[Resource, Command], Event | None]
"""Carries out one command for a resource; answers the event that came of it, if any. May block."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of life: its rules and its hands."""

    machine: Machine[Any]
    work: Work
    claims: Callable[[Resource, Mapping[str, str]], bool] = lambda _resource, _labels: True
    """Whether a living resource still wants a container that carries its uid, told by the container's labels."""
    outlives: Callable[[Resource], bool] = lambda _resource: False
    """Whether a living resource's containers go on when the emulator stops in good order."""


class Supervisor:
    """Runs every life of every kind. All methods may be called from any thread.

    ``instances`` is how many instances lives may have at once; None for no bound.
    """

    def __init__(self, store: Store, clock: Clock, instances: int | None = None) -> None:
        self._store = store
        self._clock = clock
        self._kinds: dict[str, Kind] = {}
        self._alarms = Alarms(clock, self._ring)
        self._capacity = Capacity(instances, self._soon)
        self._locks = tuple(threading.RLock() for _ in range(_STRIPES))
        self._guard = threading.Lock()
        self._busy: dict[threading.Thread, bool] = {}  # and whether it lasts
        self._open = True
        self.closing = threading.Event()
        """Set when the emulator stops: a command that waits for something gives up without an outcome."""

    def claims(self, unfinished: Iterable[Resource]) -> Callable[[Mapping[str, str]], bool]:
        """Whether one of these resources wants a container with the given labels."""
        by_uid = {resource.uid: resource for resource in unfinished}

        def wanted(labels: Mapping[str, str]) -> bool:
            resource = by_uid.get(labels.get("uid", ""))
            return resource is not None and self._kinds[resource.key.noun].claims(resource, labels)

        return wanted

    def outliving(self) -> Callable[[Mapping[str, str]], bool]:
        """Whether a container with the given labels goes on when the emulator stops."""
        staying = {each.uid for each in self.unfinished() if self._kinds[each.key.noun].outlives(each)}
        return lambda labels: labels.get("uid", "") in staying

    def register(self, kind: Kind) -> None:
        """Let this supervisor run lives of a kind."""
        self._kinds[kind.machine.noun] = kind

    def begin(self, resource: Resource, life: Any, tags: Mapping[str, str] | None = None) -> Resource:
        """Store a new resource with its first life, then run what that life waits for.

        Raises `emulator.state.store.AlreadyExists`. When this returns, the resource outlives the process.
        """
        machine = self._kinds[resource.key.noun].machine
        status, state = machine.dump(life)
        resource = replace(resource, status=status, state=state)
        with self._lock(resource.key):
            self._store.insert(resource, Transition(resource.created_at, "Created"), tags)
            self._run(resource, machine.resume(life))
        return resource

    def post(self, resource: Resource, event: Event) -> Resource | None:
        """Apply an event to the life of ``resource`` as it is now; answers the resource after it.

        An event for a resource that no longer exists (or was made again under its name) is dropped: None.
        """
        with self._lock(resource.key):
            found = self._store.get(resource.key)
            if found is None or found.uid != resource.uid:
                self._capacity.release(resource.uid)  # it may have been granted some while it went away
                return None
            return self._apply(found, event) if self._open else None

    def later(self, at: float, resource: Resource, event: Event) -> None:
        """Post an event at a time (seconds since the epoch), unless the emulator ends before."""
        self._alarms.set(at, (_named(resource), event))

    def unfinished(self) -> list[Resource]:
        """Every stored resource whose life may wait for something. Ask before new ones can begin."""
        return [
            resource
            for kind in self._kinds.values()
            for resource in self._store.scan(kind.machine.noun, kind.machine.living)
        ]

    def hold(self, unfinished: Iterable[Resource]) -> None:
        """Count the instances that these lives have; to be said before anybody can ask for some."""
        for resource in unfinished:
            self._run(resource, (each for each in self._pending(resource) if isinstance(each, Hold)))

    def recover(self, unfinished: Iterable[Resource]) -> int:
        """Give these lives their pending commands again; answers how many waited for something."""
        unfinished = list(unfinished)
        self.hold(unfinished)
        return sum(self._recovered(resource) for resource in unfinished)

    def _recovered(self, resource: Resource) -> bool:
        with self._lock(resource.key):
            found = self._store.get(resource.key)  # a request may have ended it since it was looked up
            commands = self._pending(found) if found is not None and found.uid == resource.uid else ()
            if found is not None:
                self._run(found, commands)
        return bool(commands)

    def _pending(self, resource: Resource) -> tuple[Command, ...]:
        machine = self._kinds[resource.key.noun].machine
        return machine.resume(machine.load(resource.state))

    def beside(self, name: str, work: Callable[[], None]) -> None:
        """Run ``work``, which lasts as long as a container does, on a thread of its own."""
        self._start(name, work, lasting=True)

    def settle(self, patience: float, *, lasting: bool = False) -> bool:
        """Wait, ``patience`` seconds at most, for what ends by itself; whether all of it has ended.

        With ``lasting`` also for what ends with its container.
        """
        deadline = self._clock.monotonic() + patience
        with self._guard:
            ending = [thread for thread, lasts in self._busy.items() if lasting or not lasts]
        for thread in ending:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        return not any(thread.is_alive() for thread in ending)

    def close(self, patience: float = 10.0) -> None:
        """Ring no more alarms, let commands end that do so by themselves, then take no more events."""
        self.closing.set()
        self._alarms.close()
        self.settle(patience)
        self._open = False

    def forget(self) -> None:
        """Drop all alarms and reservations; for a reset, when the store is cleared as well."""
        self._alarms.clear()
        self._capacity.clear()

    def wake(self) -> None:
        """Ring what a shift of the clock has made due."""
        self._alarms.wake()

    def _apply(self, resource: Resource, event: Event) -> Resource | None:
        machine = self._kinds[resource.key.noun].machine
        now = self._clock.now()
        life, commands = machine.step(machine.load(resource.state), event, now)
        if life is None:
            self._store.delete(resource.key)
            self._run(resource, commands)
            return None
        status, state = machine.dump(life)
        if (status, state) == (resource.status, resource.state) and not commands:
            return resource
        changed = replace(resource, status=status, state=state, modified_at=now)
        self._store.save(changed, Transition(now, type(event).__name__, msgspec.to_builtins(event)))
        self._run(changed, commands)
        return changed

    def _run(self, resource: Resource, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Alarm(at, event):
                    self.later(at, resource, event)
                case Reserve():
                    self._reserve(resource, command)
                case Hold(count):
                    self._capacity.hold(resource.uid, count)
                case Release():
                    self._capacity.release(resource.uid)
                case _:
                    name = f"{resource.key.noun}/{resource.key.name}/{type(command).__name__}"
                    self._start(name, partial(self._work, resource, command), command.lasting)

    def _reserve(self, resource: Resource, command: Reserve) -> None:
        granted = (_named(resource), command.granted)
        match self._capacity.reserve(resource.uid, command.count, resource.created_at, granted):
            case "granted":
                self._soon(granted)
            case "queued":
                self._soon((resource, command.queued))
            case "impossible":
                self._soon((resource, Failed(_too_many(command.count, self._capacity.limit))))

    def _soon(self, what: tuple[Resource, Event]) -> None:
        """Post an event from another thread: this one may be holding the lock of another resource."""
        self._alarms.set(0.0, what)

    def _start(self, name: str, work: Callable[[], None], lasting: bool) -> None:
        def run() -> None:
            try:
                work()
            finally:
                with self._guard:
                    self._busy.pop(threading.current_thread(), None)

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._guard:  # who settles finds only threads that can be waited for
            thread.start()
            self._busy[thread] = lasting

    def _work(self, resource: Resource, command: Command) -> None:
        event = self._outcome(resource, command)
        if event is not None:
            self._deliver(resource, event)

    def _deliver(self, resource: Resource, event: Event) -> None:
        """Apply an event that must not be lost: a store that cannot take it now is asked again."""
        while True:
            try:
                self.post(resource, event)
                return
            except Missing:
                log.debug("%s went away before %s", resource.arn, type(event).__name__)
                return
            except StoreUnavailable as error:
                log.error("%s: %s cannot be stored (%s); trying again", resource.arn, type(event).__name__, error)
                if self.closing.wait(_TRY_AGAIN_SECONDS):
                    return

    def _outcome(self, resource: Resource, command: Command) -> Event | None:
        name = type(command).__name__
        while True:
            try:
                return self._kinds[resource.key.noun].work(resource, command)
            except StoreUnavailable as error:
                log.error("%s: the store is not there for %s (%s); trying again", resource.arn, name, error)
                if self.closing.wait(_TRY_AGAIN_SECONDS):
                    return None
            except Exception as error:
                log.exception("%s: %s failed", resource.arn, name)
                return Failed(f"InternalServerError: the emulator failed in {name}: {error!r}")

    def _ring(self, alarm: tuple[Resource, Event]) -> None:
        self._deliver(*alarm)

    def _lock(self, key: Key) -> threading.RLock:
        return self._locks[hash(key) % _STRIPES]


def _named(resource: Resource) -> Resource:
    """As much of a resource as its events need: what waits for hours keeps no request in memory."""
    return replace(resource, request={}, state={})


def _too_many(count: int, limit: int | None) -> str:
    return (
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance "
        f"type. (The job asks for {count} instances; --max-instances lets {limit} run at once.)"
    )
