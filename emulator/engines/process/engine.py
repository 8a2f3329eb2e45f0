"""The Engine port over processes of this machine."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.engines import mounts
from emulator.engines.port import (
    ContainerGone,
    EngineClosed,
    EngineError,
    Exit,
    Handle,
    Health,
    LaunchSpec,
    LogLine,
    NoClusters,
    Owned,
    State,
    Unshielded,
    Usage,
    is_own,
)
from emulator.engines.process import programs, usage
from emulator.engines.process.isolation import Isolation, Room, best, interpreter_paths
from emulator.engines.process.job import Job

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class ProcessEngine:
    """Runs first-party programs as processes; their records are kept below ``state_dir``, a directory of its own.

    ``table`` maps images to commands and replaces the first-party ones; ``isolation`` is found out when not given.
    """

    name = "process"
    clusters = False

    def __init__(
        self,
        emulator_id: str,
        state_dir: Path,
        table: Mapping[str, Sequence[str]] | None = None,
        isolation: Isolation | None = None,
    ) -> None:
        self._id = emulator_id
        self._jobs = state_dir.absolute()
        self._table = table
        self._given_isolation = isolation
        self._lock = threading.Lock()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._interrupt, self._interrupter = os.pipe()

    def health(self) -> Health:
        return Health(True, f"Python {platform.python_version()}", self._isolation().detail)

    def prepare(self) -> str | None:
        self._jobs.mkdir(parents=True, exist_ok=True)
        return None

    def endpoint_host(self) -> str:
        return "127.0.0.1"

    def require_image(self, image: str) -> str:
        programs.command(image, self._table)
        return image

    def shields(self, ml: Path) -> bool:  # noqa: ARG002 - wherever they are
        return self._isolation().shields

    def launch(self, spec: LaunchSpec) -> Handle:
        command = programs.command(spec.image, self._table)
        _refuse(spec)
        mounts.check(spec)
        if spec.shielded and not self.shields(spec.ml):
            raise Unshielded
        job = self._job(spec.name)
        with self._lock:
            if not job.exists or job.state() == "gone":
                self._start(job, spec, command)
        return _handle(job.document())

    def launch_all(self, specs: Sequence[LaunchSpec]) -> list[Handle]:
        if len(specs) > 1:
            raise NoClusters(len(specs))
        return [self.launch(spec) for spec in specs]

    def state(self, handle: Handle) -> State:
        return self._own(handle).state() if is_own(handle, self, self._id) else "gone"

    def wait(self, handle: Handle) -> Exit:
        job = self._own(handle)
        if not job.wait(interrupt=self._interrupt):
            raise EngineClosed
        self._reap(handle["name"])
        return job.exit()

    def usage(self, handle: Handle) -> Usage:
        if sys.platform != "linux":
            raise EngineError("What a process uses is known on Linux only.")
        program = self._own(handle).program()
        if program is None:
            raise ContainerGone(f"The process {handle['name']} does not run any more, so it uses nothing.")
        return usage.measure(program)

    def logs(self, handle: Handle, since: float | None = None) -> Iterator[LogLine]:
        return self._own(handle).lines(since, self._interrupt)

    def stop(self, handle: Handle, grace: float) -> None:
        if is_own(handle, self, self._id):
            self._own(handle).stop(grace)

    def address(self, handle: Handle) -> tuple[str, int]:
        self._own(handle)
        return "127.0.0.1", int(handle["port"])

    def remove(self, handle: Handle) -> None:
        if is_own(handle, self, self._id):
            self._own(handle).erase()
            self._reap(handle["name"])

    def owned(self) -> list[Owned]:
        if not self._jobs.is_dir():
            return []
        jobs = (Job(path) for path in sorted(self._jobs.iterdir()))
        known = ((job, job.document()) for job in jobs if job.exists)
        return [
            Owned(told["name"], _handle(told), told["labels"], job.alive())
            for job, told in known
            if told["id"] == self._id
        ]

    def close(self) -> None:
        os.write(self._interrupter, b"x")  # the pipe itself stays: somebody may be looking at it just now

    def _isolation(self) -> Isolation:
        return self._given_isolation or best()

    def _own(self, handle: Handle) -> Job:
        """The job of a handle, which is ours. Raises `ContainerGone`."""
        if not is_own(handle, self, self._id):
            raise ContainerGone("The process is another emulator's.")
        return self._job(handle["name"])

    def _job(self, name: str) -> Job:
        if not _NAME.fullmatch(name):
            raise EngineError(f"{name!r} is not a name a process can have.")
        return Job(self._jobs / name)

    def _start(self, job: Job, spec: LaunchSpec, command: programs.Command) -> None:
        port = _free_port() if spec.port is not None else None
        visible = (*interpreter_paths(), *command.visible)
        ml = spec.ml.absolute()
        mounts.make_points(spec)
        room = Room(ml, job.tmp, spec.hostname, spec.network, visible, spec.shielded, spec.mounts)
        wrapped = self._isolation().wrap([*command.argv, *spec.arguments], room)
        job.make(_document(self._id, spec, port))
        own = {**programs.environment(spec, port), **command.environment}
        environment = {**own, **spec.environment, **wrapped.environment}
        try:
            self._children[spec.name] = job.start(wrapped.argv, environment, wrapped.sandboxed)
        except EngineError:
            job.erase()
            raise

    def _reap(self, name: str) -> None:
        """Our own children stay in the process table until they are asked after."""
        with self._lock:
            child = self._children.pop(name, None)
        if child is not None:
            child.wait()


def _refuse(spec: LaunchSpec) -> None:
    if spec.entrypoint:
        raise EngineError(
            f"The process engine runs {spec.image} only as it is: an entrypoint (ContainerEntrypoint) needs Docker."
        )
    if spec.port is not None and not spec.network:
        raise EngineError("A serving container cannot be isolated from the network yet: nobody could reach it.")


def _document(emulator_id: str, spec: LaunchSpec, port: int | None) -> dict[str, Any]:
    return {"id": emulator_id, "name": spec.name, "image": spec.image, "labels": dict(spec.labels), "port": port}


def _handle(document: Mapping[str, Any]) -> Handle:
    about = {name: document[name] for name in ("name", "image", "port")}
    return {"engine": "process", "emulator": document["id"], **about}


def _free_port() -> int:
    """A port nobody listens on now. Somebody else may take it before the program does, which then fails to start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
