"""Starting one instance of a fleet: model data, container, logs, and the first good ping."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial

from emulator.arns import Scope
from emulator.engines import instances
from emulator.engines.port import ContainerGone, EngineClosed, EngineError, Handle, LaunchSpec
from emulator.optml.layout import Layout, open_to_all
from emulator.optml.model_data import ModelDataError, fetch
from emulator.removing import remove_tree
from emulator.sagemaker.container import environment
from emulator.sagemaker.endpoint.machine import NOUN, Fleet, Instance, Variant
from emulator.sagemaker.model import data_location
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.watching import Watcher
from emulator.serving.health import wait_until_healthy
from emulator.sinks import scrape
from emulator.sinks.shipping import ship
from emulator.state.store import Resource

log = logging.getLogger(__name__)

PORT = 8080

_MODEL = "model"


class NotHealthy(Exception):
    """The instance does not serve; the message is the endpoint's FailureReason."""


class InstanceStarter:
    """Brings instances up; one that runs already is found and left alone."""

    def __init__(self, platform: Platform, watcher: Watcher) -> None:
        self._platform = platform
        self._watcher = watcher
        self._followed: set[str] = set()
        self._lock = threading.Lock()

    def start(self, resource: Resource, fleet: Fleet, variant: Variant, id: str, known: Instance | None) -> Instance:
        """The instance, answering pings. Raises `NotHealthy`, or `EngineClosed` when the emulator stops meanwhile."""
        try:
            layout = self._layout(resource, fleet, id)
            self._watcher.patiently(partial(self._discard_ended, known))
            self._stage(resource.key.scope, variant, layout)
            spec = self._spec(resource, fleet, variant, id, layout)
            handle = self._watcher.patiently(lambda: self._platform.engine.launch(spec))
            self._follow(resource, variant, id, handle)
            self._await_ping(variant, handle)
        except EngineClosed:
            raise
        except EngineError as error:
            raise NotHealthy(f"{error}") from error
        ready_at = known.ready_at if known and known.container == handle else self._platform.clock.now()
        return Instance(id, dict(handle), ready_at)

    def _discard_ended(self, known: Instance | None) -> None:
        """Remove the container of an instance that ended, so that its name is free for the next."""
        if known is not None and self._platform.engine.state(known.container) == "exited":
            self._platform.engine.remove(known.container)

    def discard(self, resource: Resource, fleet: Fleet) -> None:
        """Remove the files of a fleet."""
        remove_tree(self._platform.directory(resource) / fleet.id)

    def forget(self, resource: Resource) -> None:
        """Remove all files of an endpoint."""
        remove_tree(self._platform.directory(resource))

    def _layout(self, resource: Resource, fleet: Fleet, id: str) -> Layout:
        return Layout(self._platform.directory(resource) / fleet.id / id)

    def _stage(self, scope: Scope, variant: Variant, layout: Layout) -> None:
        """Bring the model data down, once: a container that is found again must not lose its files."""
        done = layout.root / "staged"
        if done.exists():
            return
        location = data_location(variant.container)
        try:
            self._watcher.patiently(lambda: self._platform.engine.require_image(variant.container["Image"]))
            layout.make_for_serving()
            if location is not None:
                self._fetch(scope, location, layout)
            open_to_all(layout.ml)
            done.touch()
        except ModelDataError as error:
            raise NotHealthy(f"Failed to download model data for production variant {variant.name}: {error}") from error
        except OSError as error:
            raise NotHealthy(f"The emulator cannot write its data directory: {error.strerror}") from error

    def _fetch(self, scope: Scope, location: tuple[str, str, bool], layout: Layout) -> None:
        """Bring the model data down; what is not packed may be the stored bytes themselves, shown shielded."""
        url, kind, packed = location
        shared = not packed and self._watcher.patiently(lambda: self._platform.engine.shields(layout.ml))
        if shared:
            layout.share(_MODEL)
        objects, prefix = self._platform.objects, kind == "S3Prefix"
        fetch(objects, scope.account, url, layout.model, prefix=prefix, packed=packed, shared=shared)

    def _spec(self, resource: Resource, fleet: Fleet, variant: Variant, id: str, layout: Layout) -> LaunchSpec:
        limits = instances.limits(variant.instance_type)
        return LaunchSpec(
            name=f"{NOUN}-{resource.key.name}-{resource.uid[:8]}-{id}",
            image=variant.container["Image"],
            ml=layout.ml,
            shielded=layout.shared,
            arguments=("serve",),
            environment={
                **environment(self._platform, resource.key.scope, variant.role, limits, isolated=False),
                **variant.container.get("Environment", {}),
            },
            labels={"noun": NOUN, "uid": resource.uid, "fleet": fleet.id},
            hostname=variant.container.get("ContainerHostname", "model"),
            port=PORT,
            cpus=limits.cpus,
            memory=limits.memory,
        )

    def _await_ping(self, variant: Variant, handle: Handle) -> None:
        engine, clock, closing = self._platform.engine, self._platform.clock, self._platform.supervisor.closing

        def worth_waiting() -> bool:
            return not closing.is_set() and engine.state(handle) == "running"

        if not wait_until_healthy(engine.address(handle), clock, variant.startup_timeout, worth_waiting):
            if closing.is_set():
                raise EngineClosed
            raise NotHealthy(
                f"The primary container for production variant {variant.name} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )

    def _follow(self, resource: Resource, variant: Variant, id: str, handle: Handle) -> None:
        key = repr(sorted(handle.items()))
        with self._lock:
            if key in self._followed:
                return
            self._followed.add(key)
        stream = f"{variant.name}/{id}"
        self._platform.supervisor.beside(f"log {stream}", partial(self._ship, resource, stream, handle, key))

    def _ship(self, resource: Resource, stream: str, handle: Handle, key: str) -> None:
        group = f"/aws/sagemaker/Endpoints/{resource.key.name}"
        lines = (replace(line, text=scrape.escape(line.text)) for line in self._watcher.lines(handle))
        try:
            ship(lines, self._platform.logs, resource.key.scope, group, stream)
        except (ContainerGone, EngineClosed):
            log.debug("%s: the log is no longer followed", stream)
        finally:
            with self._lock:
                self._followed.discard(key)
