"""The hands of a training job: each command of its machine, carried out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.engines import instances
from emulator.engines.port import ContainerGone, EngineClosed, EngineError, Handle, ImageMissing, LaunchSpec
from emulator.machines.machine import Command, Event, Failed
from emulator.objects.port import ObjectError
from emulator.optml import archive, channels, config
from emulator.optml.cluster import Cluster
from emulator.optml.layout import Layout, open_to_all
from emulator.sagemaker.container import environment
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import machine
from emulator.sagemaker.training_job.machine import NOUN, FinalMetric
from emulator.sagemaker.training_job.output import Output
from emulator.sagemaker.training_job.view import life_of, output_location
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource

log = logging.getLogger(__name__)

HOST = "algo-1"

_INPUT = "input"

REMOVED = "InternalServerError: the training container was removed by somebody else while it ran"
LEFT_BEHIND = "InternalServerError: the job's container and files are not here: they do not come with a snapshot"


class TrainingJobWork:
    """`emulator.machines.supervisor.Work` of training jobs."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._watcher = Watcher(platform.engine, platform.clock, self._closing)

    def __call__(self, resource: Resource, command: Command) -> Event | None:
        try:
            return self._outcome(resource, command)
        except EngineClosed:
            return None  # the next start goes on with it

    def _outcome(self, resource: Resource, command: Command) -> Event | None:
        match command:
            case machine.Prepare():
                return self._prepare(resource)
            case machine.Stage():
                return self._stage(resource)
            case machine.Launch():
                return self._launch(resource)
            case machine.Watch(container):
                return self._watch(resource, container)
            case machine.Stop(container, grace):
                return self._stop(container, grace)
            case machine.Upload():
                return self._upload(resource)
            case machine.Clean(container):
                self._clean(resource, container)
            case _:
                raise AssertionError(f"no such command: {command}")
        return None

    def _closing(self) -> bool:
        return self._platform.supervisor.closing.is_set()

    def _layout(self, resource: Resource) -> Layout:
        return Layout(self._platform.directory(resource))

    def _prepare(self, resource: Resource) -> Event:
        try:
            self._watcher.patiently(lambda: self._platform.engine.require_image(_image(resource)))
            self._layout(resource).make_for_training()
        except ImageMissing as error:
            return Failed(f"ClientError: {error}")
        except EngineClosed:
            raise
        except EngineError as error:
            return Failed(f"InternalServerError: {error}")
        except OSError as error:
            return Failed(f"InternalServerError: the emulator cannot write its data directory: {error.strerror}")
        return machine.Prepared()

    def _stage(self, resource: Resource) -> Event:
        layout, request = self._layout(resource), resource.request
        try:
            if not layout.made:  # the state came as a snapshot; nothing has run yet, so the job begins anew
                layout.make_for_training()
            shared = self._may_share(layout)
            cluster = Cluster.of(request["ResourceConfig"])
            host, account = cluster.hosts[0], resource.key.scope.account
            for channel in request.get("InputDataConfig", ()):
                target = layout.data / channel["ChannelName"]
                channels.stage(self._platform.objects, account, channel, target, cluster, host, shared=shared)
            config.write(layout.config, request, cluster, host)
            open_to_all(layout.ml / "input")
        except channels.StagingError as error:
            return Failed(str(error))
        except EngineClosed:
            raise
        except EngineError as error:
            return Failed(f"InternalServerError: {error}")
        except OSError as error:
            return Failed(f"ClientError: Data download failed:{error.strerror}")
        return machine.Staged()

    def _may_share(self, layout: Layout) -> bool:
        """Whether the channels may be the stored bytes themselves; then the container sees its input shielded."""
        shields = self._watcher.patiently(lambda: self._platform.engine.shields(layout.ml))
        if shields:
            layout.share(_INPUT)
        return shields

    def _launch(self, resource: Resource) -> Event:
        if not self._layout(resource).made and isinstance(failed := self._stage(resource), Failed):
            return failed
        spec = self._spec(resource)
        try:
            handle = self._watcher.patiently(lambda: self._platform.engine.launch(spec))
        except EngineClosed:
            raise
        except EngineError as error:
            return Failed(f"ClientError: {error}")
        return machine.Launched(dict(handle))

    def _spec(self, resource: Resource) -> LaunchSpec:
        request, layout = resource.request, self._layout(resource)
        algorithm = request["AlgorithmSpecification"]
        entrypoint = tuple(algorithm.get("ContainerEntrypoint", ()))
        arguments = tuple(algorithm.get("ContainerArguments", ()))
        limits = instances.limits(request["ResourceConfig"]["InstanceType"])
        isolated = request.get("EnableNetworkIsolation", False)
        return LaunchSpec(
            name=f"{NOUN}-{resource.key.name}-{resource.uid[:8]}-{HOST}",
            image=_image(resource),
            ml=layout.ml,
            shielded=layout.shared,
            # `train` is the platform's word only where the request gives neither entrypoint nor arguments.
            arguments=arguments if entrypoint or arguments else ("train",),
            entrypoint=entrypoint,
            environment={
                **environment(self._platform, resource.key.scope, request["RoleArn"], limits, isolated=isolated),
                "TRAINING_JOB_NAME": resource.key.name,
                "TRAINING_JOB_ARN": resource.arn,
                **request.get("Environment", {}),
            },
            labels={"noun": NOUN, "uid": resource.uid},
            hostname=HOST,
            cpus=limits.cpus,
            memory=limits.memory,
            network=not isolated,
        )

    def _watch(self, resource: Resource, container: Handle) -> Event:
        output = Output(self._platform, resource)
        try:
            output.follow(lambda: self._watcher.lines(container))
            ended = self._watcher.wait(container)
        except ContainerGone:
            return machine.Lost(REMOVED if self._layout(resource).made else LEFT_BEHIND)
        output.join()
        last = tuple(FinalMetric(found.name, found.value, found.at) for found in output.last_metrics())
        failure = "" if ended.code == 0 else self._layout(resource).failure()
        return machine.Exited(ended.code, ended.out_of_memory, failure, last)

    def _stop(self, container: Handle, grace: float) -> Event | None:
        try:
            self._watcher.patiently(lambda: self._platform.engine.stop(container, grace))
        except ContainerGone:
            log.debug("the container to stop has ended already")
        except EngineClosed:
            raise
        except EngineError as error:
            return machine.Lost(f"InternalServerError: {error}")
        return None

    def _upload(self, resource: Resource) -> Event:
        layout, target = self._layout(resource), output_location(resource)
        container = life_of(resource).container
        if not layout.made:
            return Failed(LEFT_BEHIND)
        try:
            # Removing first gives files that the container made as root to the invoking user, who packs them.
            if container is not None:
                self._remove(container)
            for source, name in ((layout.model, "model.tar.gz"), (layout.output / "data", "output.tar.gz")):
                self._put(resource, target.bucket, target.join(name).key, source)
        except EngineClosed:
            raise
        except (ObjectError, EngineError) as error:
            return Failed(f"ClientError: Artifact upload failed:{error}")
        except OSError as error:
            return Failed(f"ClientError: Artifact upload failed:{error.strerror}")
        return machine.Uploaded()

    def _put(self, resource: Resource, bucket: str, key: str, directory: Path) -> None:
        kms_key = resource.request["OutputDataConfig"].get("KmsKeyId") or None
        account = resource.key.scope.account
        with archive.packed(directory) as body:
            self._platform.objects.put(bucket, key, body, kms_key_id=kms_key, account=account)

    def _clean(self, resource: Resource, container: Mapping[str, Any] | None) -> None:
        if container is not None:
            try:
                self._remove(container)
            except EngineError as error:
                log.warning("%s: its container stays until the next start: %s", resource.arn, error)
        self._layout(resource).remove()

    def _remove(self, container: Handle) -> None:
        self._watcher.patiently(lambda: self._platform.engine.remove(container))


def _image(resource: Resource) -> str:
    image: str = resource.request["AlgorithmSpecification"]["TrainingImage"]
    return image
