"""The references: the same program on the same files with nothing around it."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks import workload
from benchmarks.server import PATIENCE, environment, free_port, wait_for_200
from emulator.engines import instances
from emulator.engines.choose import choose
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
    """`docker run`, with the limits and the environment the emulator gives."""

    name = "docker run"

    def __init__(self) -> None:
        engine = choose("docker", "benchmark", Path())
        try:
            self._image = engine.require_image(workload.IMAGE)
        finally:
            engine.close()

    def train(self, ml: Path) -> float:
        name = _name()
        began = time.perf_counter()
        self._docker("run", *self._options(name, ml), self._image, "train")
        seconds = time.perf_counter() - began
        self._docker("rm", name)
        return seconds

    def first_ping(self, ml: Path) -> float:
        name, port = _name(), free_port()
        published = ["--detach", "--publish", f"127.0.0.1:{port}:{_PORT}"]
        began = time.perf_counter()
        with subprocess.Popen(
            ["docker", "run", *published, *self._options(name, ml), self._image, "serve"], stdout=subprocess.DEVNULL
        ):
            wait_for_200(("127.0.0.1", port), "/ping")
            seconds = time.perf_counter() - began
        self._docker("rm", "--force", name)
        return seconds

    def _options(self, name: str, ml: Path) -> list[str]:
        limits = instances.limits(workload.INSTANCE_TYPE, os.cpu_count())
        variables = [f"--env={key}={value}" for key, value in workload.ENVIRONMENT.items()]
        size = [f"--cpus={limits.cpus}", f"--memory={limits.memory}", f"--memory-swap={limits.memory}"]
        return ["--name", name, "--volume", f"{ml}:/opt/ml", *size, *variables]

    def _docker(self, *arguments: str) -> None:
        subprocess.run(["docker", *arguments], stdout=subprocess.DEVNULL, check=True)


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


def _name() -> str:
    return f"benchmark-{uuid.uuid4().hex[:12]}"
