"""The references: the same program on the same files with nothing around it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from benchmarks import workload
from benchmarks.server import PATIENCE, environment, free_port, wait_for_200
from emulator.engines import instances, sockets
from emulator.engines.choose import choose
from emulator.engines.docker import facts
from emulator.engines.docker.client import connect
from emulator.engines.port import EngineError
from emulator.engines.process import programs

_PORT = 8080


class Bare(Protocol):
    """Runs the program of an engine's image without the emulator. ``ml`` is what the program sees as /opt/ml."""

    name: str

    def train(self, ml: Path) -> float:
        """Seconds of a training run."""
        ...

    def first_ping(self, ml: Path) -> float:
        """Seconds from the start of serving to the first good ping."""
        ...


def bare(engine: str) -> Bare:
    """The reference of an engine. Raises `emulator.engines.port.EngineError` when it cannot run here."""
    return DockerRun() if engine == "docker" else OwnProcess()


class DockerRun:
    """The image with the limits and the environment the emulator gives.

    `docker run` trains. It returns only once the container is gone from its network, which would be too late for a
    first ping, and its own start counts: the server is started through the engine's API and pinged where the emulator
    would ping it.
    """

    name = "docker run"

    def __init__(self) -> None:
        if shutil.which("docker") is None:
            raise EngineError("the docker command, which is the reference, is not installed.")
        engine = choose("docker", "benchmark", Path())
        try:
            self._image = engine.require_image(workload.IMAGE)
        finally:
            engine.close()
        self._limits = instances.limits(workload.INSTANCE_TYPE, os.cpu_count())

    def train(self, ml: Path) -> float:
        name, limits = f"benchmark-{uuid.uuid4().hex[:12]}", self._limits
        variables = [f"--env={key}={value}" for key, value in workload.ENVIRONMENT.items()]
        size = [f"--cpus={limits.cpus}", f"--memory={limits.memory}", f"--memory-swap={limits.memory}"]
        began = time.perf_counter()
        try:
            _docker("run", "--name", name, "--volume", f"{ml}:/opt/ml", *size, *variables, self._image, "train")
            return time.perf_counter() - began
        finally:
            _docker("rm", "--force", name)

    def first_ping(self, ml: Path) -> float:
        url = sockets.find()
        assert url is not None, "an engine answered a moment ago"
        client, port = connect(url), free_port()
        published: dict[int | str, Any] | None = (
            None if facts.read(client.info(), url).native else {_PORT: ("127.0.0.1", port)}
        )
        host = client.create_host_config(
            binds=[f"{ml}:/opt/ml"],
            port_bindings=published,
            nano_cpus=int((self._limits.cpus or 1) * 1e9),
            mem_limit=self._limits.memory,
            memswap_limit=self._limits.memory,
        )
        began = time.perf_counter()
        made = client.create_container(
            self._image, ["serve"], host_config=host, environment=workload.ENVIRONMENT, ports=[_PORT]
        )
        try:
            client.start(made["Id"])
            own = client.inspect_container(made["Id"])["NetworkSettings"]["IPAddress"]
            wait_for_200(("127.0.0.1", port) if published else (own, _PORT), "/ping")
            return time.perf_counter() - began
        finally:
            client.remove_container(made["Id"], force=True)
            client.close()


class OwnProcess:
    """The program as a plain child process."""

    name = "its own process"

    def __init__(self) -> None:
        self._command = programs.command(workload.IMAGE)

    def train(self, ml: Path) -> float:
        began = time.perf_counter()
        with self._started("train", ml) as process:
            code = process.wait(PATIENCE)
        if code != 0:
            raise RuntimeError(f"the bare training run ended with exit code {code}")
        return time.perf_counter() - began

    def first_ping(self, ml: Path) -> float:
        port = free_port()
        began = time.perf_counter()
        with self._started("serve", ml, SAGEMAKER_BIND_TO_PORT=str(port)) as process:
            wait_for_200(("127.0.0.1", port), "/ping")
            seconds = time.perf_counter() - began
            process.terminate()
        return seconds

    @contextmanager
    def _started(self, action: str, ml: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
        own = {**self._command.environment, **workload.ENVIRONMENT, "SAGEMAKER_BASE_DIR": str(ml), **variables}
        argv = [*self._command.argv, action]
        with subprocess.Popen(argv, env={**environment(), **own}, stdout=subprocess.DEVNULL) as process:
            yield process


def _docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], stdout=subprocess.DEVNULL, check=True)
