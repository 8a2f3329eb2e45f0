"""Servers as a user runs them, each in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.memory import resident

PATIENCE = 120.0
"""Seconds before something that does not come is taken for broken."""
_PAUSE = 0.005
_SETTLING = 0.5


class Server:
    """A process that listens on ``port``. A context manager: SIGTERM at the end."""

    def __init__(self, command: Sequence[str], port: int, path: str) -> None:
        self.port = port
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process writes to it
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=environment())
        began = time.perf_counter()
        wait_for_200(("127.0.0.1", port), path, self._check)
        self.seconds_to_answer = time.perf_counter() - began
        """From the start of the process to its first good answer."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def idle_memory(self) -> float:
        """Resident megabytes (10^6 bytes), once they do not change any more."""
        before, now = -1, resident(self.pid)
        while now != before:
            time.sleep(_SETTLING)
            before, now = now, resident(self.pid)
        return now / 1e6

    def stop(self) -> None:
        """End the process, unless it has ended, and wait for its end."""
        self._process.terminate()
        self._ended()

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.kill()
        self._ended()

    def _ended(self) -> None:
        self._process.wait(PATIENCE)
        self._log.close()

    def _check(self) -> None:
        if self._process.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"{self._process.args!r} ended:\n{self._log.read().decode(errors='replace')}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Emulator(Server):
    """A fresh emulator on ``engine``, with its state in ``data_dir``."""

    def __init__(self, engine: str, data_dir: Path) -> None:
        self.engine = engine
        self.data_dir = data_dir
        port = free_port()
        options = ["--port", str(port), "--engine", engine, "--data-dir", str(data_dir), "--log-level", "warning"]
        super().__init__([sys.executable, "-m", "emulator", "up", *options], port, "/_emulator/health")


class MotoServer(Server):
    """moto's own server: what the emulator is compared with as a local AWS."""

    def __init__(self) -> None:
        port = free_port()
        super().__init__([sys.executable, "-m", "moto.server", "--port", str(port)], port, "/moto-api/")


@contextmanager
def fresh_emulator(engine: str) -> Iterator[Emulator]:
    """An emulator with nothing in it, gone at the end with all it kept."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory, Emulator(engine, Path(directory)) as emulator:
        yield emulator


def environment() -> dict[str, str]:
    """Our own environment without what configures AWS clients and emulators."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}


def wait_for_200(address: tuple[str, int], path: str, check: object = None) -> None:
    """Ask until the answer is 200. ``check`` is called now and then and raises when there is nothing to wait for."""
    deadline = time.monotonic() + PATIENCE
    while not _answers(address, path):
        if callable(check):
            check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"no good answer from http://{address[0]}:{address[1]}{path} in {PATIENCE} s")
        time.sleep(_PAUSE)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: tuple[str, int], path: str) -> bool:
    connection = HTTPConnection(*address, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
