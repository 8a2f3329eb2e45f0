"""The Engine port over a Docker Engine."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import docker
import requests
from docker.errors import APIError, DockerException

from emulator.engines import images, mounts, sockets
from emulator.engines.docker import container as containers
from emulator.engines.docker import facts, logs, ownership, usage
from emulator.engines.docker.client import conflict, connect, missing_container, translated
from emulator.engines.docker.exits import KILLED, Exits
from emulator.engines.docker.known import KnownImages
from emulator.engines.docker.launching import Launcher
from emulator.engines.docker.network import NAME as NETWORK
from emulator.engines.docker.network import Network
from emulator.engines.port import (
    ContainerGone,
    EngineAway,
    EngineClosed,
    EngineError,
    Exit,
    Handle,
    Health,
    LaunchSpec,
    LogLine,
    Owned,
    State,
    Unshielded,
    Usage,
    is_own,
)

_log = logging.getLogger(__name__)

_DEFAULT_URL = "unix:///var/run/docker.sock"

_END_SECONDS = 0.5
_ASK_AGAIN_SECONDS = 1.0


class DockerEngine:
    """Runs each `LaunchSpec` as a container of the Docker Engine at ``url`` (default: the one that answers).

    ``emulator_id`` tells this emulator's containers from others': lower-case letters, digits and ``-``. ``network``
    names the bridge network, which emulators on one machine share.
    """

    name = "docker"
    clusters = True

    def __init__(self, emulator_id: str, url: str | None = None, network: str = NETWORK) -> None:
        self._id = emulator_id
        self._url = url or sockets.find() or sockets.candidates()[0] or _DEFAULT_URL
        self._network = network
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._closed = False

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
        with translated("remove volumes and networks that a crash left"):
            opened.launcher.sweep()
        gateway = opened.network.ensure().gateway
        return gateway if opened.facts.native else None

    def endpoint_host(self) -> str:
        return self._open().launcher.host_address() or containers.HOST_NAME

    def require_image(self, image: str) -> str:
        return self._open().images.find(image).tag

    def shields(self, ml: Path) -> bool:
        with translated(f"shield files below {ml}"):
            return self._open().launcher.shields.work(ml)

    def launch(self, spec: LaunchSpec) -> Handle:
        return self.launch_all([spec])[0]

    def launch_all(self, specs: Sequence[LaunchSpec]) -> list[Handle]:
        for spec in specs:
            self._refuse(spec)
        opened = self._open()
        found = [opened.images.find(spec.image) for spec in specs]
        with translated(f"start a container of {specs[0].image}"):
            return opened.launcher.launch(specs, found)

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
        if ended.code == KILLED and not ended.out_of_memory:
            self._require_unremoved(handle)
        self._hand_over(handle)
        return ended

    def usage(self, handle: Handle) -> Usage:
        container = self._own(handle)
        opened = self._open()
        with translated("measure the container"):
            return usage.measure(opened.client, opened.facts, container)

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
            self._open().launcher.discard(handle["id"], handle["name"], handle.get("network"))
        self._open().exits.removed(handle["id"])
        self._hand_over(handle)

    def owned(self) -> list[Owned]:
        with translated("list its containers"):
            return [containers.owned(one, self._open().facts.native) for one in self._open().launcher.listed()]

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

    def _refuse(self, spec: LaunchSpec) -> None:
        if spec.port is not None and not spec.network:
            raise EngineError("A serving container cannot be isolated from the network yet: nobody could reach it.")
        mounts.check(spec)
        if spec.shielded and not self.shields(spec.ml):
            raise Unshielded

    # -- the connection

    def _open(self) -> _Opened:
        with self._lock:
            if self._closed:
                raise EngineClosed
            if self._opened is None:
                self._opened = _Opened(self._url, self._id, self._network)
            return self._opened

    # -- ending

    def _over(self, handle: Handle) -> bool:
        """Whether the container has ended, once its output has. The event is late by a moment, and inspecting a
        container that is just ending would block for longer than that."""
        opened = self._open()
        if opened.exits.known(handle["id"]):
            return True
        with suppress(EngineError), translated("list its containers"):
            listed = opened.launcher.listed(handle["id"])
            if not listed or listed[0]["State"] != "running":
                return True
        opened.exits.start()
        return opened.exits.known(handle["id"], _END_SECONDS)

    def _require_unremoved(self, handle: Handle) -> None:
        """``docker rm -f`` kills first, so that a container removed by somebody looks like one that was killed."""
        with translated("inspect the container"):
            status = self._open().client.inspect_container(handle["id"])["State"]["Status"]
        if status == "removing":
            raise ContainerGone("The container was removed.")

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

    def _hand_over(self, handle: Handle) -> None:
        opened = self._open()
        if not handle["ml"] or not opened.facts.native or os.getuid() == 0:
            return
        marks = {containers.ID: self._id, containers.CONTAINER: f"chown-{handle['name']}"}
        able = [handle["image"], *images.local_tags(images.BASE)]
        with translated("give the job's files to this user"):
            ours = map(Path, (handle["ml"], *handle.get("written", ())))
            ownership.hand_over(opened.client, ours, able, marks)
            ownership.hand_over(opened.client, map(Path, handle.get("users", ())), able, marks, only_theirs=True)


class _Opened:
    """Everything that exists only while the engine is connected."""

    def __init__(self, url: str, emulator_id: str, network: str) -> None:
        self.client: docker.APIClient = connect(url)
        with translated("describe itself"):
            self.facts = facts.read(self.client.info(), url)
        self.network = Network(self.client, network)
        self.images = KnownImages(self.client, self.facts)
        self.launcher = Launcher(self.client, self.facts, emulator_id, self.network)
        self.streams = logs.Streams()
        self.exits = Exits(self.client, containers.label(emulator_id))
