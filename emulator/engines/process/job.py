"""A job's directory, as the emulator sees it: starting its attendant, asking after it, following its output."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from emulator.engines.port import ContainerGone, EngineClosed, EngineError, Exit, LogLine, State
from emulator.engines.process import attendant
from emulator.removing import remove_tree

_IDLE_SECONDS = (0.01, 0.1)
"""How often to look for output: soon after some came, less often when none does. The end is noticed at once."""
_POLL_SECONDS = 0.02


class Job:
    """One job below ``path``. Any number of these may look at the same job, from any thread and any process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        return (self.path / "job.json").is_file()

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    def document(self) -> dict[str, Any]:
        """What `make` was given; raises `ContainerGone`."""
        try:
            return dict(json.loads((self.path / "job.json").read_text()))
        except FileNotFoundError:
            raise ContainerGone(f"The process {self.path.name} does not exist any more.") from None

    def make(self, document: Mapping[str, Any]) -> None:
        """The directory with everything its attendant needs; remains of an earlier attempt go."""
        self.erase()
        self.tmp.mkdir(parents=True)
        self.path.chmod(0o700)
        os.mkfifo(self.path / "control", 0o600)
        (self.path / "log").touch()
        (self.path / "lock").touch()
        attendant.record(str(self.path / "job.json"), json.dumps(document))

    def start(self, argv: Sequence[str], environment: Mapping[str, str], sandboxed: bool) -> subprocess.Popen[bytes]:
        """Start the attendant with its program; raises `EngineError` when the program cannot be started."""
        lock = os.open(self.path / "lock", os.O_RDWR)
        answer, ready = os.pipe()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # belongs to the open file, so the attendant inherits it
            process = self._spawn(argv, environment, sandboxed, lock, ready)
        finally:
            os.close(lock)
            os.close(ready)
        with os.fdopen(answer, "rb") as told:
            text = told.read(65536).decode(errors="replace")
        if text != "ok":
            process.wait()
            raise EngineError(f"The program could not be started: {text or 'its attendant ended at once'}.")
        return process

    def alive(self) -> bool:
        """Whether the attendant lives: it holds a lock that the system takes from it when it ends."""
        try:
            with (self.path / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def state(self) -> State:
        alive = self.alive()
        if (self.path / "exit.json").exists():
            return "exited"
        return "running" if alive else "gone"

    def exit(self) -> Exit:
        """How it ended, once it has; raises `ContainerGone` when nobody knows."""
        try:
            told = json.loads((self.path / "exit.json").read_text())
        except FileNotFoundError:
            raise ContainerGone(
                f"The process {self.path.name} vanished without a trace: the machine was restarted, or its attendant "
                "was killed."
            ) from None
        return Exit(told["code"], False, told["started_at"], told["finished_at"])

    def wait(self, timeout: float | None = None, interrupt: int | None = None) -> bool:
        """Block until the attendant has ended; False when ``timeout`` seconds pass or ``interrupt`` can be read."""
        deadline = None if timeout is None else time.monotonic() + timeout
        watched = self._watch()
        try:
            while self.alive():
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if left == 0.0 or _interrupted(watched, interrupt, left):
                    return not self.alive()
            return True
        finally:
            if watched is not None:
                os.close(watched)

    def lines(self, since: float | None, interrupt: int) -> Iterator[LogLine]:
        """Follow the output to its end; raises `EngineClosed` when ``interrupt`` can be read."""
        try:
            log = (self.path / "log").open("rb")
        except FileNotFoundError:
            raise ContainerGone(f"The process {self.path.name} does not exist any more.") from None
        pause = _IDLE_SECONDS[0]
        with log:
            while True:
                alive = self.alive()  # asked before reading, so that nothing written before the end is missed
                before = log.tell()
                yield from _read(log, since)
                if not alive:
                    return
                if select.select([interrupt], [], [], 0)[0]:
                    raise EngineClosed
                pause = _IDLE_SECONDS[0] if log.tell() != before else min(_IDLE_SECONDS[1], pause * 1.5)
                self.wait(pause, interrupt)

    def program(self) -> int | None:
        """The process id of the program; None when it has ended, or where ids cannot be told from later ones."""
        with suppress(OSError, ValueError):
            started = json.loads((self.path / "started.json").read_text())
            if started["identity"] and started["identity"] == attendant.identity(started["program"]):
                return int(started["program"])
        return None

    def stop(self, grace: float) -> None:
        """Have the attendant send SIGTERM now and SIGKILL after ``grace`` seconds; 0 kills at once."""
        try:
            control = os.open(self.path / "control", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # no reader, no attendant: it has ended
            return
        with os.fdopen(control, "wb", buffering=0) as fifo, suppress(BrokenPipeError):
            fifo.write(f"stop {grace}\n".encode())

    def erase(self) -> None:
        """End it if it runs and remove the directory."""
        while self.alive():
            self.stop(0)
            self.wait(1.0)
        self._kill_orphan()
        remove_tree(self.path)

    def _kill_orphan(self) -> None:
        """A program whose attendant was killed, unless its process id means another process by now."""
        if (program := self.program()) is not None:
            with suppress(OSError):
                os.killpg(program, signal.SIGKILL)

    def _spawn(
        self, argv: Sequence[str], environment: Mapping[str, str], sandboxed: bool, lock: int, ready: int
    ) -> subprocess.Popen[bytes]:
        kind = "sandboxed" if sandboxed else "plain"
        script = [sys.executable, "-I", "-S", attendant.__file__, str(self.path), str(lock), str(ready), kind]
        return subprocess.Popen(
            [*script, *argv],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock, ready),
            start_new_session=True,
        )

    def _watch(self) -> int | None:
        """A descriptor that can be read once the attendant has ended, where the system has such a thing."""
        if sys.platform != "linux":
            return None
        try:
            pid = json.loads((self.path / "started.json").read_text())["attendant"]
            return os.pidfd_open(pid)
        except (OSError, ValueError):
            return None


def _interrupted(watched: int | None, interrupt: int | None, timeout: float | None) -> bool:
    """Wait for either descriptor, or a moment where the end itself cannot be watched; whether ``interrupt`` came."""
    waiting = [fd for fd in (watched, interrupt) if fd is not None]
    limit = timeout if watched is not None else min(_POLL_SECONDS, timeout or _POLL_SECONDS)
    ready, _, _ = select.select(waiting, [], [], limit)
    return interrupt is not None and interrupt in ready


def _read(log: BinaryIO, since: float | None) -> Iterator[LogLine]:
    """The complete lines from where ``log`` is; an incomplete one is left for the next time."""
    while line := log.readline():
        if not line.endswith(b"\n"):
            log.seek(-len(line), os.SEEK_CUR)
            return
        stamp, _, text = line[:-1].partition(b" ")
        at = int(stamp) / 1e9
        if since is None or at > since:
            yield LogLine(at, text.decode("utf-8", "replace"))
