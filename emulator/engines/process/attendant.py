"""Attends one job: starts its program, keeps its output, and records how it ended.

A process of its own, so that the job outlives the emulator (even ``kill -9``) and a restarted emulator finds
everything in the job's directory. Run as a script with ``-I -S`` and nothing but what starts in a few milliseconds:
it must not import the emulator. Its environment is the program's.

Files in the job's directory: ``started.json``, ``log`` (lines of ``<nanoseconds since the epoch> <text>``),
``exit.json``, ``control`` (a FIFO that takes ``stop <seconds>`` lines), ``tmp``, and ``lock``, which the emulator
locked before it started us and which stays locked until we end: that, and not a process id, tells that we live.
"""

# pathlib alone would take longer to import than everything else here.
# ruff: noqa: PTH105, PTH123
from __future__ import annotations

import os
import select
import signal
import sys
import time

CHUNK = 65536
LONGEST_LINE = 1024 * 1024
TICK = 1000
"""Nanoseconds between two lines at least: their times stay distinct as seconds in a float."""
INFO = 3
"""The file descriptor on which a sandbox tells the id of its first process."""
TERM_GRACE = 10.0


class Output:
    """The program's output as lines with times in a file."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._rest = b""
        self._last = 0

    def write(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) >= LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        self._append(lines)

    def finish(self) -> None:
        if self._rest:
            self._append([self._rest])
        os.close(self._file)

    def _append(self, lines: list[bytes]) -> None:
        now = time.time_ns()
        stamped = []
        for line in lines:
            self._last = max(now, self._last + TICK)
            stamped.append(b"%d %s\n" % (self._last, line))
        data = b"".join(stamped)
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:  # the disk is full: the job may still end well, so its lines are lost rather than the job
            return


class Program:
    """The job's program in a process group of its own."""

    def __init__(self, argv: list[str], output: int, info: int) -> None:
        null = os.open(os.devnull, os.O_RDONLY)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
        if info >= 0:
            actions.append((os.POSIX_SPAWN_DUP2, info, INFO))
        ignored = [signal.SIGPIPE, signal.SIGXFSZ]  # Python ignores these, and the program would inherit that
        self.pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions, setpgroup=0, setsigdef=ignored)
        self.sandbox = 0
        os.close(null)

    def terminate(self) -> None:
        """SIGTERM to the program alone, as a container's first process gets it; it may want to end its own children."""
        kill(self._first(), signal.SIGTERM)

    def kill(self) -> None:
        kill(-self.pid, signal.SIGKILL)

    def ended(self) -> int | None:
        """The exit code, by the convention of shells and containers (128 + signal); None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def _first(self) -> int:
        """The program itself. In a sandbox it is the oldest child of the sandbox's first process, which passes no
        signal on; before it is there, ending the sandbox is all that can be done."""
        if not self.sandbox:
            return self.pid
        try:
            with open(f"/proc/{self.sandbox}/task/{self.sandbox}/children") as children:
                return int(children.read().split()[0])
        except (OSError, IndexError):
            return -self.pid


class Attendant:
    """The loop: output to the log, commands from the FIFO, the program's end."""

    def __init__(self, job: str, sandboxed: bool, argv: list[str]) -> None:
        self._job = job
        self._wake, wake_end = os.pipe()
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop(TERM_GRACE))
        # Open for writing too: without a writer the FIFO would be at its end for ever.
        self._control = os.open(f"{job}/control", os.O_RDWR | os.O_NONBLOCK)
        self._commands = b""
        self._kill_at: float | None = None
        self._output, write_end = os.pipe()
        self._info, info_end = os.pipe() if sandboxed else (-1, -1)
        self._started_at = time.time()
        self._program = Program(argv, write_end, info_end)
        for end in (write_end, info_end):
            if end >= 0:
                os.close(end)
        self._log = Output(f"{job}/log")

    def record_start(self) -> None:
        mine, its = os.getpid(), self._program.pid
        record(
            f"{self._job}/started.json",
            f'{{"attendant": {mine}, "program": {its}, "identity": "{identity(its)}", "at": {self._started_at!r}}}',
        )

    def attend(self) -> None:
        """Until the program has ended and its output is kept."""
        code = None
        while code is None:
            self._once()
            code = self._program.ended()
        finished = time.time()
        self._program.kill()  # what it left behind ends with it, as in a container
        self._drain()
        self._log.finish()
        record(
            f"{self._job}/exit.json",
            f'{{"code": {code}, "started_at": {self._started_at!r}, "finished_at": {finished!r}}}',
        )

    def _once(self) -> None:
        sources = [fd for fd in (self._wake, self._control, self._output, self._info) if fd >= 0]
        timeout = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
        ready, _, _ = select.select(sources, [], [], timeout)
        if self._wake in ready:
            os.read(self._wake, CHUNK)
        if self._info in ready:
            self._learn_sandbox()
        if self._output in ready:
            self._take_output()
        if self._control in ready:
            self._obey()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._program.kill()

    def _take_output(self) -> None:
        data = os.read(self._output, CHUNK)
        if data:
            self._log.write(data)
        else:  # the program closed its output; it may run on
            self._output = -1

    def _learn_sandbox(self) -> None:
        told = b""
        while part := os.read(self._info, CHUNK):
            told += part
        digits = told.partition(b'"child-pid"')[2].partition(b":")[2].replace(b",", b" ").replace(b"}", b" ").split()
        self._program.sandbox = int(digits[0]) if digits else 0
        self._info = -1

    def _obey(self) -> None:
        *lines, self._commands = (self._commands + os.read(self._control, CHUNK)).split(b"\n")
        for line in lines:
            self._stop(float(line.partition(b" ")[2]))

    def _stop(self, grace: float) -> None:
        kill_at = time.monotonic() + grace
        self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)
        if grace > 0:
            self._program.terminate()

    def _drain(self) -> None:
        """What is still in the pipe. A process that fled the group may hold it open: its words do not count."""
        if self._output < 0:
            return
        os.set_blocking(self._output, False)
        try:
            while data := os.read(self._output, CHUNK):
                self._log.write(data)
        except BlockingIOError:
            return


def identity(pid: int) -> str:
    """What tells a process from a later one with the same id: its start and the boot; empty where unknown."""
    try:
        with open(f"/proc/{pid}/stat") as stat, open("/proc/sys/kernel/random/boot_id") as boot:
            # The second field is the program's name in parentheses and may contain anything.
            return stat.read().rpartition(")")[2].split()[19] + "/" + boot.read().strip()
    except OSError:
        return ""


def kill(pid: int, sig: int) -> None:
    try:
        os.kill(pid, sig)
    except (ProcessLookupError, PermissionError):  # macOS answers the latter for a group of zombies
        return


def record(path: str, text: str) -> None:
    """Write a file so that it is seen whole or not at all."""
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def main(arguments: list[str]) -> None:
    """``attendant.py JOB LOCK_FD READY_FD plain|sandboxed PROGRAM [ARGUMENT ...]``

    READY_FD gets ``ok`` once the program runs, or why it does not.
    """
    job, lock, ready, kind, *argv = arguments
    os.set_inheritable(int(lock), False)
    os.set_inheritable(int(ready), False)
    os.chdir(f"{job}/tmp")  # noqa: S108
    try:
        attendant = Attendant(job, kind == "sandboxed", argv)
        attendant.record_start()
    except OSError as error:
        os.write(int(ready), f"{argv[0]}: {error.strerror}".encode())
        return
    os.write(int(ready), b"ok")
    os.close(int(ready))
    attendant.attend()


if __name__ == "__main__":
    main(sys.argv[1:])
