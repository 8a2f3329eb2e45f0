"""Starting a job's containers: what each host's is to be, or the one that has been waiting for the job."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emulator.engines import images, instances
from emulator.engines.port import EngineClosed, EngineError, LaunchSpec, Mount
from emulator.machines.machine import Event, Failed
from emulator.optml import config, feeding
from emulator.optml.cluster import Cluster, Host
from emulator.optml.layout import Layout
from emulator.sagemaker.container import environment
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import file_systems, places
from emulator.sagemaker.training_job.events import Launched
from emulator.sagemaker.training_job.life import NOUN
from emulator.sagemaker.training_job.view import life_of
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource

WAIT = "SAGEMAKER_EMULATOR_WAIT"
"""Tells a first-party image to get ready and wait for a job, which comes as the file JOB."""

JOB = Path("input", "config", "job.json")

_FEEDING_AFTER_THE_END = 600.0
"""Seconds beyond the job's longest time after which pipes are fed no more, should nobody have ended it."""


def image_of(resource: Resource) -> str:
    """The image as the request names it."""
    image: str = resource.request["AlgorithmSpecification"]["TrainingImage"]
    return image


def can_wait(request: Mapping[str, Any]) -> bool:
    """Whether a job can run in a container that was started before it: one host, one of our images as it is, and no
    directory beyond those that every container has."""
    algorithm = request["AlgorithmSpecification"]
    plain = not algorithm.get("ContainerEntrypoint") and not algorithm.get("ContainerArguments")
    channels = request.get("InputDataConfig", ())
    files = all("S3DataSource" in one["DataSource"] and config.mode_of(request, one) == "File" for one in channels)
    synced = any(member in request for member in ("CheckpointConfig", "DebugHookConfig", "TensorBoardOutputConfig"))
    single = len(Cluster.of(request["ResourceConfig"]).hosts) == 1
    return plain and files and not synced and single and images.first_party(algorithm["TrainingImage"]) is not None


class Launching:
    """Carries out Launch."""

    def __init__(self, platform: Platform, watcher: Watcher) -> None:
        self._platform = platform
        self._watcher = watcher

    def launch(self, resource: Resource) -> Event:
        """Start every host's container, or none."""
        try:
            if (waiting := self._waiting(resource)) is not None:
                return Launched({places.FIRST_HOST: waiting})
            self._feed(resource)  # before there are containers, which nobody would end if it failed
            specs = self._specs(resource)
            handles = self._watcher.patiently(lambda: self._platform.engine.launch_all(list(specs.values())))
        except EngineClosed:
            raise
        except EngineError as error:
            return Failed(f"ClientError: {error}")
        except OSError as error:
            return Failed(f"InternalServerError: {error.strerror or error}")
        return Launched({host: dict(handle) for host, handle in zip(specs, handles, strict=True)})

    def launch_waiting(self, pool: Resource, layout: Layout) -> dict[str, Any]:
        """A container like that of the job which left ``pool``, but without a job: it gets ready and waits for one."""
        host = Cluster.of(pool.request["ResourceConfig"]).hosts[0]
        spec = self._spec(pool, host, layout)
        waiting = replace(
            spec,
            name=f"{NOUN}-warm-{pool.uid[:16]}",
            mounts=(),
            environment={**self._common(pool, host), WAIT: "1"},
        )
        return dict(self._watcher.patiently(lambda: self._platform.engine.launch(waiting)))

    def _feed(self, resource: Resource) -> None:
        """Have the pipes of all hosts fed."""
        # The machine's own time, which the feeder goes by: the emulator's may be shifted.
        until = time.time() + life_of(resource).terms.max_runtime + _FEEDING_AFTER_THE_END
        for layout in places.layouts(self._platform, resource).values():
            feeding.start(layout, until)

    def _waiting(self, resource: Resource) -> dict[str, Any] | None:
        """Hand the job to the container that waits for it; None when there is none, or no longer."""
        claim = life_of(resource).pool
        if claim is None or claim.container is None:
            return None
        container, layout = claim.container, places.layouts(self._platform, resource)[places.FIRST_HOST]
        if (layout.ml / JOB).exists():  # it was told before a crash: it may have trained to its end since then
            return container
        if self._watcher.patiently(lambda: self._platform.engine.state(container)) != "running":
            return None
        host = Cluster.of(resource.request["ResourceConfig"]).hosts[0]
        _tell(layout, self._environment(resource, host))
        return container

    def _specs(self, resource: Resource) -> dict[str, LaunchSpec]:
        layouts = places.layouts(self._platform, resource)
        hosts, attempt = Cluster.of(resource.request["ResourceConfig"]).hosts, life_of(resource).attempt
        specs = {host.name: self._spec(resource, host, layouts[host.name]) for host in hosts}
        if attempt == 1:
            return specs
        # A container of an earlier attempt that could not be removed must not be found in this one's place.
        return {host: replace(spec, name=f"{spec.name}-{attempt}") for host, spec in specs.items()}

    def _spec(self, resource: Resource, host: Host, layout: Layout) -> LaunchSpec:
        request = resource.request
        algorithm = request["AlgorithmSpecification"]
        entrypoint = tuple(algorithm.get("ContainerEntrypoint", ()))
        arguments = tuple(algorithm.get("ContainerArguments", ()))
        limits = instances.limits(host.instance_type)
        return LaunchSpec(
            name=f"{NOUN}-{resource.key.name}-{resource.uid[:8]}-{host.name}",
            image=image_of(resource),
            ml=layout.ml,
            shielded=layout.shared,
            mounts=self._mounts(resource, host, layout),
            # `train` is the platform's word only where the request gives neither entrypoint nor arguments.
            arguments=arguments if entrypoint or arguments else ("train",),
            entrypoint=entrypoint,
            environment=self._environment(resource, host),
            labels={"noun": NOUN, "uid": resource.uid},
            hostname=host.name,
            cpus=limits.cpus,
            memory=limits.memory,
            network=not request.get("EnableNetworkIsolation", False),
        )

    def _environment(self, resource: Resource, host: Host) -> dict[str, str]:
        return {
            **self._common(resource, host),
            "TRAINING_JOB_NAME": resource.key.name,
            "TRAINING_JOB_ARN": resource.arn,
            **resource.request.get("Environment", {}),
        }

    def _common(self, resource: Resource, host: Host) -> dict[str, str]:
        request, limits = resource.request, instances.limits(host.instance_type)
        isolated = request.get("EnableNetworkIsolation", False)
        return environment(self._platform, resource.key.scope, request["RoleArn"], limits, isolated=isolated)

    def _mounts(self, resource: Resource, host: Host, layout: Layout) -> tuple[Mount, ...]:
        """What a container sees beyond its own directory: read-only channels, file systems, synced directories."""
        request, cluster = resource.request, Cluster.of(resource.request["ResourceConfig"])
        mounts = places.mounts(layout, resource)
        for channel in request.get("InputDataConfig", ()):
            inside = f"/opt/ml/input/data/{channel['ChannelName']}"
            if "FileSystemDataSource" in channel["DataSource"]:
                mounts.append(file_systems.mount(self._platform.settings, channel, inside))
            elif config.mode_of(request, channel) == "FastFile" and host in cluster.receivers(channel):
                mounts.append(Mount(inside, layout.data / channel["ChannelName"], read_only=True))
        return tuple(mounts)


def _tell(layout: Layout, environment: Mapping[str, str]) -> None:
    """The file appears whole: the container looks for it all the time."""
    draft = layout.root / "job.json"
    draft.write_text(json.dumps({"environment": environment}), encoding="utf-8")
    draft.rename(layout.ml / JOB)
