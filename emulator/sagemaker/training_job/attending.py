"""While a host's container runs: its output, its utilisation and its synced directories; then, how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.engines import instances
from emulator.engines.port import ContainerGone, Exit
from emulator.machines.machine import Event
from emulator.optml import feeding
from emulator.optml.cluster import Cluster
from emulator.optml.layout import Layout
from emulator.optml.mirror import Mirroring
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import places, utilisation
from emulator.sagemaker.training_job.commands import FAILED_GRACE, Watch
from emulator.sagemaker.training_job.events import Exited, Lost
from emulator.sagemaker.training_job.feeding_watch import FeedingWatch
from emulator.sagemaker.training_job.life import FinalMetric
from emulator.sagemaker.training_job.output import GROUP, Output
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource

REMOVED = "InternalServerError: the training container was removed by somebody else while it ran"
LEFT_BEHIND = "InternalServerError: the job's container and files are not here: they do not come with a snapshot"


class Attending:
    """Carries out Watch."""

    def __init__(self, platform: Platform, watcher: Watcher) -> None:
        self._platform = platform
        self._watcher = watcher

    def watch(self, resource: Resource, command: Watch) -> Event:
        """Attend one container to its end."""
        layout = places.layouts(self._platform, resource)[command.host]
        output = Output(self._platform, resource, command.host)
        mirroring = Mirroring(list(places.mirrors(self._platform, resource, layout).values()))
        try:
            output.follow(lambda: self._watcher.lines(command.container))
            pipes = FeedingWatch(layout, lambda: self._platform.engine.stop(command.container, FAILED_GRACE))
            with self._measured(resource, command, layout), mirroring.running(), pipes.running():
                ended = self._watcher.wait(command.container)
        except ContainerGone:
            return Lost(command.host, command.attempt, REMOVED if layout.made else LEFT_BEHIND)
        unfed = feeding.failure(layout)
        feeding.stop(layout)
        fault = unfed or _upload_failed(mirroring.last())
        output.join()
        return self._exited(command, ended, layout, output, fault)

    def _exited(self, command: Watch, ended: Exit, layout: Layout, output: Output, fault: str) -> Exited:
        return Exited(
            command.host,
            command.attempt,
            ended.code,
            ended.out_of_memory,
            "" if ended.code == 0 else layout.failure(),
            fault,
            tuple(FinalMetric(found.name, found.value, found.at) for found in output.last_metrics()),
        )

    @contextmanager
    def _measured(self, resource: Resource, command: Watch, layout: Layout) -> Iterator[None]:
        scope, gib = resource.key.scope, resource.request["ResourceConfig"].get("VolumeSizeInGB", 0)
        volume: list[Path] = [layout.ml, layout.root / "mounts"]
        measuring = utilisation.Utilisation(
            f"{resource.key.name}/{command.host}",
            lambda: self._platform.engine.usage(command.container),
            lambda: utilisation.disk(volume, gib),
            lambda data: self._platform.metrics.put(scope, GROUP, data),
            _memory_of(resource, command.host),
        )
        measuring.start()
        try:
            yield
        finally:
            measuring.stop()


def _upload_failed(trouble: Exception | None) -> str:
    return "" if trouble is None else f"ClientError: Artifact upload failed:{trouble}"


def _memory_of(resource: Resource, host: str) -> int | None:
    """The memory of a host's instance type, in bytes; None for a type that is not known."""
    types = {each.name: each.instance_type for each in Cluster.of(resource.request["ResourceConfig"]).hosts}
    return instances.limits(types[host]).memory
