"""The hands of an endpoint: each command of its machine, carried out."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from emulator.engines.port import ContainerGone, EngineClosed, EngineError, Handle, Owned
from emulator.machines.machine import Command, Event
from emulator.sagemaker.endpoint import machine
from emulator.sagemaker.endpoint.instance import InstanceStarter, NotHealthy
from emulator.sagemaker.endpoint.machine import Fleet, Instance, Variant
from emulator.sagemaker.endpoint.view import life_of
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.watching import Watcher
from emulator.serving import router
from emulator.state.store import Resource

log = logging.getLogger(__name__)

# PID 1 gets SIGTERM and, this many seconds later, SIGKILL when its instance is taken out of service.
_GRACE = 30.0

# More containers at once do not start sooner on one machine.
_AT_ONCE = 8

# A fleet that no longer serves is given as long as an invocation may take to answer what it has begun.
_DRAIN = 60.0
_DRAIN_POLL = 0.02


class EndpointWork:
    """`emulator.machines.supervisor.Work` of endpoints."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._watcher = Watcher(platform.engine, platform.clock, self._closing)
        self._starter = InstanceStarter(platform, self._watcher)
        self._guarded: set[str] = set()
        self._routing = threading.Lock()
        self._lock = threading.Lock()
        self._changing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def __call__(self, resource: Resource, command: Command) -> Event | None:
        match command:
            case machine.Deploy(fleet):
                return self._deploy(resource, fleet)
            case machine.Route(fleet):
                self._route(resource, fleet)
            case machine.Guard(fleet, instance):
                return self._guard(resource, fleet, instance)
            case machine.Retire(fleet):
                self._retire(resource, fleet)
            case machine.Remove(fleets):
                return self._remove(resource, fleets)
            case _:
                raise AssertionError(f"no such command: {command}")
        return None

    def _closing(self) -> bool:
        return self._platform.supervisor.closing.is_set()

    def _deploy(self, resource: Resource, fleet: Fleet) -> Event | None:
        with self._change(fleet):
            return self._start_all(resource, fleet) if self._wanted(resource, fleet) else None

    def _wanted(self, resource: Resource, fleet: Fleet) -> bool:
        """Whether the endpoint still wants the fleet now that its turn has come."""
        now = self._platform.store.get(resource.key)
        if now is None or now.uid != resource.uid or now.status == "Deleting":
            return False
        life = life_of(now)
        return fleet.id in [known.id for known in (life.fleet, life.coming) if known is not None]

    def _start_all(self, resource: Resource, fleet: Fleet) -> Event | None:
        known = {instance.id: instance for instance in fleet.running}
        wanted = [(variant, id) for variant in fleet.variants for id in variant.instances]

        def start(one: tuple[Variant, str]) -> Instance:
            variant, id = one
            return self._starter.start(resource, fleet, variant, id, known.get(id))

        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="deploy") as pool:
                running = tuple(pool.map(start, wanted))
        except EngineClosed:
            return None  # the next start goes on with it
        except NotHealthy as error:
            return machine.DeployFailed(fleet.id, str(error))
        return machine.Deployed(fleet.id, running)

    def _route(self, resource: Resource, fleet: Fleet) -> None:
        """Lead invocations to the fleet, if it is still the one that serves; commands may overtake each other."""
        with self._routing:
            now = self._platform.store.get(resource.key)
            if now is None or now.uid != resource.uid or now.status == "Deleting":
                return
            current = life_of(now).fleet
            if current is not None and current.id == fleet.id:
                self._platform.router.set(self._route_to(resource, current))

    def _route_to(self, resource: Resource, fleet: Fleet) -> router.Route:
        containers = {instance.id: instance.container for instance in fleet.serving}
        variants = [
            router.Variant(
                variant.name,
                variant.weight,
                [
                    router.Target(instance, self._platform.engine.address(containers[instance]))
                    for instance in variant.instances
                    if instance in containers
                ],
                variant.random_routing,
            )
            for variant in fleet.variants
        ]
        return router.Route(resource.key.scope, resource.key.name, fleet.id, variants)

    def _guard(self, resource: Resource, fleet: Fleet, instance: Instance) -> Event | None:
        key = f"{fleet.id}/{instance.id}/{instance.ready_at}"
        with self._lock:
            if key in self._guarded:
                return None
            self._guarded.add(key)
        try:
            self._watcher.wait(instance.container)
        except EngineClosed:
            return None
        except ContainerGone:
            log.debug("instance %s is gone", instance.id)
        finally:
            with self._lock:
                self._guarded.discard(key)
        if self._closing() or not self._wanted(resource, fleet):
            return None
        log.warning("%s lost instance %s; it is started again", resource.arn, instance.id)
        return machine.InstanceLost(fleet.id, instance.id)

    def _retire(self, resource: Resource, fleet: Fleet) -> None:
        self._drain(resource, fleet)
        self._take_down(resource, fleet)

    def _remove(self, resource: Resource, fleets: tuple[Fleet, ...]) -> Event:
        with self._routing:
            self._platform.router.drop(resource.key.scope, resource.key.name)
        for fleet in fleets:
            self._take_down(resource, fleet)
        self._end_all(resource, None)  # a fleet retired before may have been left by a crash or an outage
        self._starter.forget(resource)
        return machine.Removed()

    def _drain(self, resource: Resource, fleet: Fleet) -> None:
        """Wait until traffic has left the fleet and what it began is answered, or for as long as that may take."""
        clock = self._platform.clock
        deadline = clock.monotonic() + _DRAIN
        while clock.monotonic() < deadline and not self._closing() and self._is_busy(resource, fleet):
            clock.sleep(_DRAIN_POLL)

    def _is_busy(self, resource: Resource, fleet: Fleet) -> bool:
        route = self._platform.router.find(resource.key.scope, resource.key.name)
        if route is not None and route.fleet == fleet.id:
            return True
        return any(self._platform.router.outstanding(instance.id) for instance in fleet.running)

    def _take_down(self, resource: Resource, fleet: Fleet) -> None:
        """Stop and remove every container of the fleet, also one whose start was never reported."""
        with self._change(fleet):
            self._end_all(resource, fleet)
            self._starter.discard(resource, fleet)
        with self._lock:
            self._changing.pop(fleet.id, None)

    def _change(self, fleet: Fleet) -> threading.Lock:
        """Held while a fleet's containers are started or ended: one such change at a time."""
        with self._lock:
            return self._changing[fleet.id]

    def _end_all(self, resource: Resource, fleet: Fleet | None) -> None:
        """End every container of the endpoint, or of one of its fleets."""
        try:
            ours = [owned for owned in self._platform.engine.owned() if _belongs(owned, resource, fleet)]
            if ours:
                with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="retire") as pool:
                    list(pool.map(self._end, [owned.handle for owned in ours]))
        except EngineError as error:
            log.warning("%s: containers stay until the next start: %s", resource.arn, error)

    def _end(self, container: Handle) -> None:
        try:
            if self._platform.engine.state(container) == "running":
                self._platform.engine.stop(container, _GRACE)
                self._platform.engine.wait(container)
        except ContainerGone:
            log.debug("a container to end is gone already")
        self._platform.engine.remove(container)


def _belongs(owned: Owned, resource: Resource, fleet: Fleet | None) -> bool:
    return owned.labels.get("uid") == resource.uid and (fleet is None or owned.labels.get("fleet") == fleet.id)


def claims(resource: Resource, labels: Mapping[str, str]) -> bool:
    """Whether an endpoint still wants a container of its own: one of a fleet that serves or is coming."""
    life = life_of(resource)
    return labels.get("fleet") in [fleet.id for fleet in (life.fleet, life.coming) if fleet is not None]
