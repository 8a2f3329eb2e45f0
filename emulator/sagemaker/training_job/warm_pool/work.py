"""The hands of a warm pool: a container that is ready before its job comes, and the end of both."""

from __future__ import annotations

import logging
from functools import partial

from emulator.engines.port import EngineClosed, EngineError, Handle
from emulator.machines.machine import Command, Event
from emulator.optml.layout import Layout
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import places
from emulator.sagemaker.training_job.launching import Launching, can_wait
from emulator.sagemaker.training_job.warm_pool.machine import Check, Discard, Freed, Tell, Told, Warm, Warmed
from emulator.sagemaker.training_job.warm_pool.pools import Pools, life_of
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource

log = logging.getLogger(__name__)


class WarmPoolWork:
    """`emulator.machines.supervisor.Work` of warm pools."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._watcher = Watcher(platform.engine, platform.clock, self._closing)
        self._launching = Launching(platform, self._watcher)
        self._pools = Pools(platform)

    def _closing(self) -> bool:
        return self._platform.supervisor.closing.is_set()

    def __call__(self, resource: Resource, command: Command) -> Event | None:
        try:
            match command:
                case Tell():
                    self._pools.tell(resource)
                    return Told()
                case Check():
                    return self._check(resource)
                case Warm():
                    return self._warm(resource)
                case Discard(container):
                    self._discard(resource, container)
                case _:
                    raise AssertionError(f"no such command: {command}")
        except EngineClosed:
            log.debug("%s: the next start goes on with it", resource.arn)
        except (EngineError, OSError) as error:  # a pool without a container, or a container too many
            log.warning("%s: %s", resource.arn, error)
        return None

    def _check(self, resource: Resource) -> Event | None:
        uid = life_of(resource).used_by_uid
        return None if uid is None or self._pools.still_used(resource) else Freed(uid)

    def _warm(self, resource: Resource) -> Event | None:
        if not can_wait(resource.request):
            return None
        layout = Layout(places.pool_directory(self._platform, resource.uid))
        if not layout.made:
            self._platform.directory(resource).mkdir(parents=True, exist_ok=True, mode=0o700)
            layout.make_for_training()
        return Warmed(self._launching.launch_waiting(resource, layout))

    def _discard(self, resource: Resource, container: dict[str, object] | None) -> None:
        for each in self._owned(resource) if container is None else [container]:
            self._watcher.patiently(partial(self._platform.engine.remove, each))
        Layout(self._platform.directory(resource)).remove()

    def _owned(self, resource: Resource) -> list[Handle]:
        """The containers of a pool that knows of none: one may have started just before a crash."""
        owned = self._watcher.patiently(self._platform.engine.owned)
        return [one.handle for one in owned if one.labels.get("uid") == resource.uid]
