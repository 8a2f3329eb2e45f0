"""The supervisor: applies events to lives, stores life and transition in one transaction, then runs the commands.

Each command runs on a thread of its own (watching a container lasts as long as the container) and its outcome is the
next event. After a restart every life is given its pending commands again, so that nothing acknowledged is lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from emulator.clock import Clock
from emulator.machines.alarms import Alarms
from emulator.machines.machine import Alarm, Command, Event, Failed, Machine
from emulator.state.store import Key, Missing, Resource, Store, Transition

log = logging.getLogger(__name__)

# Events of one resource come one after another; resources that share a stripe only wait for a database commit.
_STRIPES = 64

Work = Callable[[Resource, Command], Event | None]
"""Carries out one command for a resource; answers the event that came of it, if any. May block."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of life: its rules and its hands."""

    machine: Machine[Any]
    work: Work


class Supervisor:
    """Runs every life of every kind. All methods may be called from any thread."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kinds: dict[str, Kind] = {}
        self._alarms = Alarms(clock, self._ring)
        self._locks = tuple(threading.RLock() for _ in range(_STRIPES))
        self._guard = threading.Lock()
        self._busy: dict[threading.Thread, Command] = {}
        self._open = True
        self.closing = threading.Event()
        """Set when the emulator stops: a command that waits for something gives up without an outcome."""

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
            if not self._open or found is None or found.uid != resource.uid:
                return None
            return self._apply(found, event)

    def recover(self) -> int:
        """Give every stored life its pending commands again; answers how many lives that were."""
        count = 0
        for noun, kind in self._kinds.items():
            for resource in self._store.scan(noun, kind.machine.living):
                commands = kind.machine.resume(kind.machine.load(resource.state))
                with self._lock(resource.key):
                    self._run(resource, commands)
                count += bool(commands)
        return count

    def settle(self, patience: float) -> bool:
        """Wait, ``patience`` seconds at most, for the commands that end by themselves; whether all of them have."""
        deadline = self._clock.now() + patience
        with self._guard:
            ending = [thread for thread, command in self._busy.items() if not command.lasting]
        for thread in ending:
            thread.join(max(0.0, deadline - self._clock.now()))
        return not any(thread.is_alive() for thread in ending)

    def close(self, patience: float = 10.0) -> None:
        """Ring no more alarms, let commands end that do so by themselves, then take no more events."""
        self.closing.set()
        self._alarms.close()
        self.settle(patience)
        self._open = False

    def forget(self) -> None:
        """Drop all alarms; for a reset, when the store is cleared as well."""
        self._alarms.clear()

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
            if isinstance(command, Alarm):
                self._alarms.set(command.at, (resource, command.event))
            else:
                name = f"{resource.key.noun}/{resource.key.name}/{type(command).__name__}"
                thread = threading.Thread(target=self._work, args=(resource, command), name=name, daemon=True)
                with self._guard:
                    self._busy[thread] = command
                thread.start()

    def _work(self, resource: Resource, command: Command) -> None:
        try:
            event = self._outcome(resource, command)
            if event is not None:
                self.post(resource, event)
        except Missing:
            log.debug("%s went away while %s ran", resource.arn, type(command).__name__)
        finally:
            with self._guard:
                self._busy.pop(threading.current_thread(), None)

    def _outcome(self, resource: Resource, command: Command) -> Event | None:
        try:
            return self._kinds[resource.key.noun].work(resource, command)
        except Exception as error:
            log.exception("%s: %s failed", resource.arn, type(command).__name__)
            return Failed(f"InternalServerError: the emulator failed in {type(command).__name__}: {error!r}")

    def _ring(self, alarm: tuple[Resource, Event]) -> None:
        self.post(*alarm)

    def _lock(self, key: Key) -> threading.RLock:
        return self._locks[hash(key) % _STRIPES]
