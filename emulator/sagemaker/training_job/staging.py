"""Before a job's containers start: its image, its warm pool, its hosts' directories and what is to lie in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.engines.port import EngineClosed, EngineError, ImageMissing, NoClusters
from emulator.machines.machine import Event, Failed
from emulator.optml import channels, config, pipes
from emulator.optml.cluster import Cluster, Host
from emulator.optml.layout import Layout, open_to_all
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import places
from emulator.sagemaker.training_job.events import Prepared, Staged
from emulator.sagemaker.training_job.launching import can_wait, image_of
from emulator.sagemaker.training_job.life import Claim
from emulator.sagemaker.training_job.view import life_of
from emulator.sagemaker.training_job.warm_pool.pools import Pools
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource

_INPUT = "input"


class Staging:
    """Carries out Prepare and Stage."""

    def __init__(self, platform: Platform, watcher: Watcher, pools: Pools) -> None:
        self._platform = platform
        self._watcher = watcher
        self._pools = pools

    def prepare(self, resource: Resource) -> Event:
        """See that the job can run here at all, and make room for it."""
        try:
            if len(life_of(resource).terms.hosts) > 1 and not self._platform.engine.clusters:
                raise NoClusters(len(life_of(resource).terms.hosts))
            self._watcher.patiently(lambda: self._platform.engine.require_image(image_of(resource)))
            claim = self._claim(resource)
            if claim is None or claim.container is None:
                self._make(resource)
        except (ImageMissing, NoClusters) as error:
            return Failed(f"ClientError: {error}")
        except EngineClosed:
            raise
        except EngineError as error:
            return Failed(f"InternalServerError: {error}")
        except OSError as error:
            return Failed(f"InternalServerError: the emulator cannot write its data directory: {error.strerror}")
        return Prepared(claim)

    def stage(self, resource: Resource) -> Event:
        """Bring everything to where the containers will see it."""
        try:
            cluster = Cluster.of(resource.request["ResourceConfig"])
            for host in cluster.hosts:
                self._stage_host(resource, cluster, host)
        except channels.StagingError as error:
            return Failed(str(error))
        except EngineClosed:
            raise
        except EngineError as error:
            return Failed(f"InternalServerError: {error}")
        except OSError as error:
            return Failed(f"ClientError: Data download failed:{error.strerror}")
        return Staged()

    def _claim(self, resource: Resource) -> Claim | None:
        """The warm pool of the job; its container only counts when the job can run in it."""
        claim = self._pools.claim(resource)
        if claim is None or claim.container is None:
            return claim
        container = claim.container
        state = self._watcher.patiently(lambda: self._platform.engine.state(container))
        return claim if can_wait(resource.request) and state == "running" else Claim(claim.name, claim.uid)

    def _make(self, resource: Resource) -> None:
        """The hosts' directories, afresh."""
        self._platform.directory(resource).mkdir(parents=True, exist_ok=True, mode=0o700)
        for host in life_of(resource).terms.hosts:
            Layout(self._platform.directory(resource) / host).make_for_training()

    def _stage_host(self, resource: Resource, cluster: Cluster, host: Host) -> None:
        layout = places.layouts(self._platform, resource)[host.name]
        if not layout.made:  # the state came as a snapshot; nothing has run yet, so the job begins anew
            layout.make_for_training()
        shared = self._may_share(resource, layout)
        for channel in resource.request.get("InputDataConfig", ()):
            if host in cluster.receivers(channel) and "S3DataSource" in channel["DataSource"]:
                self._stage_channel(resource, channel, layout, cluster, host, shared=shared)
        config.write(layout.config, resource.request, cluster, host)
        open_to_all(layout.ml / _INPUT)
        for mount in places.mounts(layout, resource):
            mount.source.mkdir(parents=True, exist_ok=True)
        self._bring_checkpoints(resource, layout)

    def _stage_channel(
        self,
        resource: Resource,
        channel: Mapping[str, Any],
        layout: Layout,
        cluster: Cluster,
        host: Host,
        *,
        shared: bool,
    ) -> None:
        objects, account = self._platform.objects, resource.key.scope.account
        mode = config.mode_of(resource.request, channel)
        if mode == "Pipe":
            pipes.stage(objects, account, channel, layout, cluster, host)
        else:
            target = layout.data / channel["ChannelName"]
            channels.stage(objects, account, channel, target, cluster, host, mode=mode, shared=shared)

    def _may_share(self, resource: Resource, layout: Layout) -> bool:
        """Whether the channels may be the stored bytes themselves; then the container sees its input shielded.

        Through a shield no pipe of ours leads, and a container that waits has been without one from the start.
        """
        request, claim = resource.request, life_of(resource).pool
        modes = {config.mode_of(request, channel) for channel in request.get("InputDataConfig", ())}
        if "Pipe" in modes or (claim is not None and claim.container is not None):
            return False
        shields = self._watcher.patiently(lambda: self._platform.engine.shields(layout.ml))
        if shields:
            layout.share(_INPUT)
        return shields

    def _bring_checkpoints(self, resource: Resource, layout: Layout) -> None:
        """Every host begins with all that is below the checkpoints' S3 URI."""
        if "CheckpointConfig" not in resource.request:
            return
        inside = places.checkpoint_path(resource.request)
        places.mirrors(self._platform, resource, layout)[inside].bring()
