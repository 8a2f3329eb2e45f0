"""The hands of a training job: each command of its machine, carried out."""

from __future__ import annotations

import logging

from emulator.engines.port import ContainerGone, EngineClosed, EngineError, Handle
from emulator.machines.machine import Command, Event, Failed
from emulator.optml import feeding
from emulator.optml.layout import Layout
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import commands, ends, places
from emulator.sagemaker.training_job.attending import Attending
from emulator.sagemaker.training_job.events import Cleaned, Lost, Retained
from emulator.sagemaker.training_job.faults import Faults
from emulator.sagemaker.training_job.launching import Launching
from emulator.sagemaker.training_job.staging import Staging
from emulator.sagemaker.training_job.uploading import Uploading
from emulator.sagemaker.training_job.view import life_of
from emulator.sagemaker.training_job.warm_pool.pools import Pools
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource

log = logging.getLogger(__name__)


class TrainingJobWork:
    """`emulator.machines.supervisor.Work` of training jobs."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._watcher = Watcher(platform.engine, platform.clock, self._closing)
        self._pools = Pools(platform)
        self._faults = Faults(platform)
        self._staging = Staging(platform, self._watcher, self._pools)
        self._launching = Launching(platform, self._watcher)
        self._attending = Attending(platform, self._watcher)
        self._uploading = Uploading(platform, self._watcher)

    def _closing(self) -> bool:
        return self._platform.supervisor.closing.is_set()

    def __call__(self, resource: Resource, command: Command) -> Event | None:
        try:
            return self._faults.before(resource, command) or self._outcome(resource, command)
        except EngineClosed:
            return None  # the next start goes on with it

    def _outcome(self, resource: Resource, command: Command) -> Event | None:
        match command:
            case commands.Prepare():
                return self._staging.prepare(resource)
            case commands.Stage():
                return self._staging.stage(resource)
            case commands.Launch():
                return self._launch(resource)
            case commands.Watch():
                return self._attending.watch(resource, command)
            case commands.Stop():
                return self._stop(command)
            case commands.Upload():
                return self._uploading.upload(resource)
            case commands.Retain():
                return self._retain(resource)
            case commands.Clean(containers):
                return self._clean(resource, containers)
            case _:
                raise AssertionError(f"no such command: {command}")

    def _launch(self, resource: Resource) -> Event:
        """The files are staged again where they are not here, as when the state came as a snapshot."""
        layouts = places.layouts(self._platform, resource).values()
        if not all(layout.made for layout in layouts):
            failed = self._staging.stage(resource)
            if isinstance(failed, Failed):
                return failed
        return self._launching.launch(resource)

    def _stop(self, command: commands.Stop) -> Event | None:
        try:
            self._watcher.patiently(lambda: self._platform.engine.stop(command.container, command.grace))
        except ContainerGone:
            log.debug("the container to stop has ended already")
        except EngineClosed:
            raise
        except EngineError as error:
            return Lost(command.host, command.attempt, f"InternalServerError: {error}")
        return None

    def _retain(self, resource: Resource) -> Event:
        self._pools.free(resource)
        keeps = ends.keeps_instances(life_of(resource))
        return Retained(self._pools.retain(resource) if keeps else None)

    def _clean(self, resource: Resource, containers: tuple[Handle, ...]) -> Event:
        self._pools.free(resource)
        for container in containers:
            self._remove(resource, container)
        for layout in places.layouts(self._platform, resource).values():
            feeding.stop(layout)  # one that lived on would meet the next attempt's pipes
            layout.remove()
        Layout(self._platform.directory(resource)).remove()
        return Cleaned()

    def _remove(self, resource: Resource, container: Handle) -> None:
        try:
            self._watcher.patiently(lambda: self._platform.engine.remove(container))
        except EngineClosed:
            raise
        except EngineError as error:
            log.warning("%s: its container stays until the next start: %s", resource.arn, error)
