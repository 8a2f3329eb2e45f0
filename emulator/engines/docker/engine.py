"""The Engine port over a Docker Engine."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import docker
import requests
from docker.errors import APIError, DockerException

from emulator.engines import images, sockets
from emulator.engines.docker import container as containers
from emulator.engines.docker import facts, logs, ownership
from emulator.engines.docker.client import conflict, connect, missing_container, says, translated
from emulator.engines.docker.exits import Exits
from emulator.engines.docker.network import NAME as NETWORK
from emulator.engines.docker.network import Network
from emulator.engines.docker.shield import Shields
from emulator.engines.port import (
    ContainerGone,
    EngineAway,
    EngineClosed,
    EngineError,
    Exit,
    Handle,
    Health,
    ImageMissing,
    LaunchSpec,
    LogLine,
    Owned,
    State,
    Unshielded,
    is_own,
)

_log = logging.getLogger(__name__)

_DEFAULT_URL = "unix:///var/run/docker.sock"

# Where slirp4netns, rootless Docker's network, shows the host's loopback when RootlessKit allows it.
_ROOTLESS_HOST = "10.0.2.2"

OUTDATED = "%s was built from other sources than this emulator has: run `sagemaker-emulator images build`."

_ATTEMPTS = 20
_END_SECONDS = 0.5
_ASK_AGAIN_SECONDS = 1.0


class DockerEngine:
    """Runs each `LaunchSpec` as a container of the Docker Engine at ``url`` (default: the one that answers).

    ``emulator_id`` tells this emulator's containers from others': lower-case letters, digits and ``-``. ``network``
    names the bridge network, which emulators on one machine share.
    """

    name = "docker"

    def __init__(self, emulator_id: str, url: str | None = None, network: str = NETWORK) -> None:
        self._id = emulator_id
        self._url = url or sockets.find() or sockets.candidates()[0] or _DEFAULT_URL
        self._network = network
        self._lock = threading.Lock()
        self._launch_locks: dict[str, threading.Lock] = {}
        self._opened: _Opened | None = None
        self._closed = False
        self._compared: set[str] = set()

    def health(self) -> Health:
        try:
            with translated(f"answer at {self._url}"):
                known = facts.read(self._open().client.info(), self._url)
        except EngineError as error:
            return Health(False, "", str(error))
        return Health(known.local, known.version, known.advice)

    def prepare(self) -> str | None:
        opened = self._open()
        opened.exits.start()
        with translated("remove volumes that a crash left"):
            opened.shields.sweep({one["Labels"].get(containers.CONTAINER) for one in self._listed()})
        gateway = opened.network.ensure().gateway
        return gateway if opened.facts.native else None

    def endpoint_host(self) -> str:
        return self._host_address() or containers.HOST_NAME

    def require_image(self, image: str) -> str:
        return self._image(image).tag

    def shields(self, ml: Path) -> bool:
        with translated(f"shield files below {ml}"):
            return self._open().shields.work(ml)

    def launch(self, spec: LaunchSpec) -> Handle:
        if spec.port is not None and not spec.network:
            raise EngineError("A serving container cannot be isolated from the network yet: nobody could reach it.")
        if spec.shielded and not self.shields(spec.ml):
            raise Unshielded
        image = self._image(spec.image)
        if image.foreign_user:
            ownership.open_to_all(spec.ml)
        with self._launching(spec.name), translated(f"start a container of {spec.image}"):
            return self._create_and_start(spec, image)

    def state(self, handle: Handle) -> State:
        try:
            with translated("inspect the container"):
                status = self._open().client.inspect_container(self._own(handle))["State"]["Status"]
        except ContainerGone:
            return "gone"
        if status == "created":  # the emulator died before it could start it: it has never run and never will
            return "gone"
        return "exited" if status in ("exited", "dead") else "running"

    def wait(self, handle: Handle) -> Exit:
        opened = self._open()
        ended = opened.exits.wait(self._own(handle))
        assert ended is not None  # without a timeout there is always an answer
        self._hand_over(handle)
        return ended

    def logs(self, handle: Handle, since: float | None = None) -> Iterator[LogLine]:
        """Goes on where it was when the connection breaks or the engine is away for a while."""
        opened = self._open()
        follower = logs.Follower(opened.client, opened.streams, self._own(handle), since)
        while True:
            try:
                with translated("follow the container's output"):
                    yield from follower.read(follow=True)
            except ContainerGone:
                raise
            except EngineError as error:
                _log.debug("Following %s is interrupted: %s", handle["name"], error)
            if self._over(handle):
                break
        with suppress(ContainerGone), translated("read the container's output"):
            yield from follower.read(follow=False)

    def stop(self, handle: Handle, grace: float) -> None:
        if not is_own(handle, self, self._id):
            return
        self._signal(handle, "SIGTERM")
        threading.Thread(target=self._kill_after, args=(handle, grace), name="docker-stop", daemon=True).start()

    def address(self, handle: Handle) -> tuple[str, int]:
        container = self._own(handle)
        if handle["ip"] is not None:
            return handle["ip"], handle["port"]
        with translated("find the container's port"):
            found = self._open().client.inspect_container(container)["NetworkSettings"]["Ports"]
        bound = found.get(f"{handle['port']}/tcp")
        if not bound:
            raise ContainerGone("The container does not run any more, so its port is closed.")
        return "127.0.0.1", int(bound[0]["HostPort"])

    def remove(self, handle: Handle) -> None:
        if not is_own(handle, self, self._id):
            return
        with translated("remove the container"):
            self._discard(handle["id"], handle["name"])
        self._open().exits.removed(handle["id"])
        self._hand_over(handle)

    def owned(self) -> list[Owned]:
        with translated("list its containers"):
            return [containers.owned(one, self._open().facts.native) for one in self._listed()]

    def close(self) -> None:
        with self._lock:
            opened, self._opened, self._closed = self._opened, None, True
        if opened is None:
            return
        opened.exits.close()
        opened.streams.close()
        with suppress(DockerException, requests.RequestException):  # the engine may have gone before us
            opened.network.release()
        opened.client.close()

    def _own(self, handle: Handle) -> str:
        """The id of the handle's container, which is ours. Raises `ContainerGone`."""
        if not is_own(handle, self, self._id):
            raise ContainerGone("The container is another emulator's.")
        return str(handle["id"])

    # -- the connection

    def _open(self) -> _Opened:
        with self._lock:
            if self._closed:
                raise EngineClosed
            if self._opened is None:
                self._opened = _Opened(self._url, self._id, self._network)
            return self._opened

    # -- images

    def _image(self, image: str) -> containers.Image:
        """``image`` as the engine knows it; raises `ImageMissing`.

        Of ours only the one of this version: what another version built may speak another contract.
        """
        name = images.first_party(image)
        tag = image if name is None else images.local_tags(name)[0]
        found = self._inspect_image(tag)
        if found is None:
            raise ImageMissing(_remedy(image, name))
        config = found.get("Config") or {}
        if name is not None:
            self._compare(name, tag, str(found["Id"]), config.get("Labels") or {})
        user = str(config.get("User") or "")
        return containers.Image(tag, str(found["Id"]), name is not None, user, self._run_as() if name else None)

    def _compare(self, name: str, tag: str, id: str, labels: Mapping[str, str]) -> None:
        """Warn, once for an image, when it was built from other sources than there are now."""
        with self._lock:
            known = id in self._compared
            self._compared.add(id)
        if known:
            return
        with suppress(EngineError):  # without the sources there is nothing to compare with
            if not images.is_current(name, labels):
                _log.warning(OUTDATED, tag)

    def _inspect_image(self, tag: str) -> dict[str, Any] | None:
        with translated(f"look for the image {tag}"):
            try:
                return dict(self._open().client.inspect_image(tag))  # type: ignore[no-untyped-call]
            except APIError as error:
                if error.status_code in (404, 400):  # 400: not even a name an image can have
                    return None
                raise

    # -- launching

    def _launching(self, name: str) -> threading.Lock:
        with self._lock:
            return self._launch_locks.setdefault(name, threading.Lock())

    def _run_as(self) -> str | None:
        """The user of a first-party image: ourselves, so that what it writes is ours from the beginning."""
        if not self._open().facts.native or os.getuid() == 0:
            return None
        return f"{os.getuid()}:{os.getgid()}"

    def _create_and_start(self, spec: LaunchSpec, image: containers.Image) -> Handle:
        for _ in range(_ATTEMPTS):
            place = self._place(spec)
            try:
                made = self._create(spec, image, place)
            except APIError as error:
                if not conflict(error):
                    self._open().shields.remove(spec.name)
                    raise
                if (found := self._adopt(spec.name)) is not None:
                    return found
                continue
            if self._start(made, spec, image):
                ip = place.address if self._open().facts.native else None
                ml = str(spec.ml.absolute())
                return containers.handle(
                    made, emulator=self._id, name=spec.name, image=image.id, ml=ml, port=spec.port, ip=ip
                )
        raise EngineError(f"Docker could not start a container of {spec.image}: no free address on its network.")

    def _place(self, spec: LaunchSpec) -> containers.Place:
        network = self._open().network
        if not spec.network:
            return containers.Place(network.name, None, {})
        host = self._host_address()
        return containers.Place(network.name, network.pick(), {containers.HOST_NAME: host} if host else {})

    def _host_address(self) -> str | None:
        """The address by which containers reach this machine; None where the engine resolves a name by itself."""
        opened = self._open()
        if opened.facts.native:
            return opened.network.ensure().gateway
        return _ROOTLESS_HOST if opened.facts.rootless else None

    def _create(self, spec: LaunchSpec, image: containers.Image, place: containers.Place) -> str:
        opened = self._open()
        volumes = opened.shields.make(spec)
        arguments = containers.create_arguments(
            opened.client, facts=opened.facts, spec=spec, image=image, place=place, volumes=volumes
        )
        made = opened.client.create_container(
            **arguments,
            name=containers.container_name(self._id, spec.name),
            labels=containers.labels(self._id, spec),
        )
        return str(made["Id"])

    def _start(self, container: str, spec: LaunchSpec, image: containers.Image) -> bool:
        """Whether it started; not when its address was taken meanwhile. A container that cannot start is removed."""
        opened = self._open()
        try:
            if image.foreign_user:
                opened.shields.open_to_all(container, spec.shielded)
            opened.client.start(container)
        except (DockerException, requests.RequestException) as error:
            self._discard(container, spec.name)
            if isinstance(error, APIError) and says(error, f"network {opened.network.name} not found"):
                opened.network.ensure(fresh=True)  # another emulator gave it up meanwhile
            elif not isinstance(error, APIError) or not says(error, "address already in use"):
                raise
            return False
        return True

    def _adopt(self, name: str) -> Handle | None:
        """The container of this name that has run already; one that was made but never started makes way."""
        listed = self._listed(f"{containers.CONTAINER}={name}")
        if not listed:
            self._open().shields.remove(name)
            raise EngineError(
                f"A container named {containers.container_name(self._id, name)} exists that is not this emulator's. "
                "Remove it with `docker rm -f`."
            )
        if listed[0]["State"] not in ("created", "removing"):
            return containers.owned(listed[0], self._open().facts.native).handle
        self._discard(listed[0]["Id"], name)
        return None

    # -- ending

    def _over(self, handle: Handle) -> bool:
        """Whether the container has ended, once its output has. The event is late by a moment, and inspecting a
        container that is just ending would block for longer than that."""
        opened = self._open()
        if opened.exits.known(handle["id"]):
            return True
        with suppress(EngineError), translated("list its containers"):
            listed = self._listed(id=handle["id"])
            if not listed or listed[0]["State"] != "running":
                return True
        opened.exits.start()
        return opened.exits.known(handle["id"], _END_SECONDS)

    def _kill_after(self, handle: Handle, grace: float) -> None:
        deadline = time.monotonic() + grace
        with suppress(EngineError):  # gone, or the emulator ends: a restarted one asks to stop again
            while not self._killed(handle, deadline):
                time.sleep(_ASK_AGAIN_SECONDS)

    def _killed(self, handle: Handle, deadline: float) -> bool:
        """Wait for the container's end until ``deadline`` (monotonic), then kill it; not while the engine is away."""
        try:
            if self._open().exits.wait(handle["id"], max(0.0, deadline - time.monotonic())) is None:
                self._signal(handle, "SIGKILL")
        except EngineAway:
            return False
        return True

    def _signal(self, handle: Handle, signal: Literal["SIGTERM", "SIGKILL"]) -> None:
        with translated("stop the container"):
            try:
                self._open().client.kill(handle["id"], signal)
            except APIError as error:
                if not (conflict(error) or missing_container(error)):  # it has ended by itself
                    raise

    def _discard(self, container: str, name: str) -> None:
        opened = self._open()
        try:
            opened.client.remove_container(container, v=True, force=True)
        except APIError as error:
            if not (conflict(error) or missing_container(error)):  # 409: somebody is removing it already
                raise
        opened.shields.remove(name)

    def _hand_over(self, handle: Handle) -> None:
        opened = self._open()
        if not handle["ml"] or not opened.facts.native or os.getuid() == 0:
            return
        marks = {containers.ID: self._id, containers.CONTAINER: f"chown-{handle['name']}"}
        able = [handle["image"], *images.local_tags(images.BASE)]
        with translated("give the job's files to this user"):
            ownership.hand_over(opened.client, Path(handle["ml"]), able, marks)

    def _listed(self, *labels: str, id: str | None = None) -> list[dict[str, Any]]:
        filters: dict[str, Any] = {"label": [containers.label(self._id), *labels]}
        if id is not None:
            filters["id"] = id
        return list(self._open().client.containers(all=True, filters=filters))


class _Opened:
    """Everything that exists only while the engine is connected."""

    def __init__(self, url: str, emulator_id: str, network: str) -> None:
        self.client: docker.APIClient = connect(url)
        with translated("describe itself"):
            self.facts = facts.read(self.client.info(), url)
        self.network = Network(self.client, network)
        self.shields = Shields(self.client, self.facts, emulator_id)
        self.streams = logs.Streams()
        self.exits = Exits(self.client, containers.label(emulator_id))


def _remedy(image: str, name: str | None) -> str:
    if name is not None:
        return f"The image for {image} is not built yet. Run `sagemaker-emulator images build {name}`, then try again."
    return (
        f"Docker has no image named {image}. Run `docker pull {image}`, or `docker build -t {image} .` where its "
        "Dockerfile is, then try again."
    )
