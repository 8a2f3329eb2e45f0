"""Ways to give a process its own ``/opt/ml``, best first; which of them work is found out by trying.

This is about every job seeing the paths it expects, not about keeping a hostile program in: what runs here is
first-party code.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from emulator.engines.port import EngineError, Mount
from emulator.engines.process import mounting
from emulator.engines.process.attendant import INFO

_ML = "/opt/ml"
_TMP = "/tmp"  # noqa: S108  # as the sandbox sees it; outside it is a directory of the job
_PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Room:
    """What one process is to see. ``visible`` are paths it needs wherever they are; ``tmp`` is its private /tmp;
    ``shielded`` are children of ``ml`` that it may only read; ``mounts`` have their points in ``ml`` already."""

    ml: Path
    tmp: Path
    hostname: str
    network: bool
    visible: tuple[Path, ...]
    shielded: frozenset[str] = frozenset()
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A command and what to add to its environment. ``sandboxed``: it tells its first process on descriptor INFO."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    sandboxed: bool = False


class Isolation(Protocol):
    """One way. ``detail`` tells a user what it does; ``shields``: it heeds `Room.shielded`."""

    name: str
    detail: str
    shields: bool

    def wrap(self, argv: Sequence[str], room: Room) -> Wrapped:
        """The command that runs ``argv`` in ``room``; raises `EngineError` when the room cannot be had. Nothing but
        ``room.ml`` may change by it."""
        ...


class Bubblewrap:
    """bubblewrap: read-only root, private /tmp and process ids, own /opt/ml; no privileges needed."""

    name = "bubblewrap"
    detail = "bubblewrap gives each process its own /opt/ml, /tmp and process ids, and a read-only root"
    shields = True

    def wrap(self, argv: Sequence[str], room: Room) -> Wrapped:
        options = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        options += ["--bind", str(room.tmp), _TMP, "--tmpfs", "/opt"]
        for path in _below(room.visible, (_TMP, "/opt")):
            options += ["--ro-bind", str(path), str(path)]
        options += ["--bind", str(room.ml), _ML]
        for child in sorted(room.shielded):
            options += ["--ro-bind", str(room.ml / child), f"{_ML}/{child}"]
        options += mounting.bubblewrap_options(room.mounts, ("/opt", _TMP))
        options += ["--chdir", _TMP, "--die-with-parent", "--info-fd", str(INFO)]
        options += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", room.hostname]
        options += [] if room.network else ["--unshare-net"]
        return Wrapped(("bwrap", *options, "--", *argv), {"HOME": _TMP, "TMPDIR": _TMP}, sandboxed=True)


class Unshare:
    """A mount namespace by util-linux's unshare: own /opt/ml, everything else as it is."""

    name = "unshare"
    detail = "a mount namespace gives each process its own /opt/ml; install bubblewrap for a private /tmp as well"
    shields = False

    def wrap(self, argv: Sequence[str], room: Room) -> Wrapped:
        # A user namespace is how someone who is not root may mount; the process then believes to be root.
        options = ["--mount", "--propagation", "private"]
        options += [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        options += [] if room.network else ["--net"]
        steps = [*self._own_ml(room), *mounting.shell_commands(room.mounts)]
        script = " && ".join([*steps, 'exec "$@"'])
        environment = {"HOME": str(room.tmp), "TMPDIR": str(room.tmp)}
        return Wrapped(("unshare", *options, "sh", "-c", script, "sh", *argv), environment)

    def _own_ml(self, room: Room) -> list[str]:
        """Nothing is created on the host: where /opt/ml is missing, an empty /opt is laid over the host's."""
        bind = f"mount --bind {shlex.quote(str(room.ml))} {_ML}"
        if Path(_ML).is_dir():
            return [bind]
        if any(_below(room.visible, ("/opt",))):
            raise EngineError("Python lives below /opt and /opt/ml does not exist: `sudo mkdir /opt/ml`.")
        return ["mount -t tmpfs tmpfs /opt", f"mkdir {_ML}", bind]


class BaseDirectory:
    """No isolation: the program learns from SAGEMAKER_BASE_DIR where its /opt/ml is, as AWS's own toolkits allow.

    A mount below /opt/ml is a link, through which the program can write even what is to be read only.
    """

    name = "base directory"
    detail = (
        "processes share this machine's file system and find /opt/ml through SAGEMAKER_BASE_DIR; on Linux, install "
        "bubblewrap to give each its own, and to keep them from writing to input that is to be read only"
    )
    shields = False

    def wrap(self, argv: Sequence[str], room: Room) -> Wrapped:
        if not room.network:
            raise EngineError(
                "Network isolation (EnableNetworkIsolation) cannot be had on this machine without Docker or, on "
                "Linux, bubblewrap. Install one of them, or switch the isolation off."
            )
        mounting.link(room.ml, room.mounts)
        environment = {"SAGEMAKER_BASE_DIR": str(room.ml), "HOME": str(room.tmp), "TMPDIR": str(room.tmp)}
        return Wrapped(tuple(argv), environment)


def interpreter_paths() -> tuple[Path, ...]:
    """Everything this Python needs to find to start again with the same packages."""
    places = [sys.prefix, sys.base_prefix, sys.executable, os.path.realpath(sys.executable), *sys.path]
    return tuple(dict.fromkeys(Path(place) for place in places if place and Path(place).exists()))


@cache
def best() -> Isolation:
    """The best way that works here; the first call tries them (some 30 ms each)."""
    return next((way for way in (Bubblewrap(), Unshare()) if works(way)), BaseDirectory())


def works(way: Isolation) -> bool:
    """Whether ``way`` can give a process its own /opt/ml on this machine."""
    with TemporaryDirectory() as name:
        room = Room(Path(name, "ml"), Path(name, "tmp"), "probe", True, interpreter_paths())
        room.ml.mkdir()
        room.tmp.mkdir()
        (room.ml / "seen").touch()
        try:
            return _succeeds(way.wrap(["test", "-e", f"{_ML}/seen"], room))
        except (EngineError, OSError, subprocess.SubprocessError):
            return False


def _succeeds(wrapped: Wrapped) -> bool:
    """Run the command with INFO open, as its attendant would."""
    if shutil.which(wrapped.argv[0]) is None:
        return False
    script = f'exec {INFO}>/dev/null; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *wrapped.argv], capture_output=True, timeout=_PROBE_SECONDS, check=False
    )
    return done.returncode == 0


def _below(paths: Iterable[Path], folders: Sequence[str]) -> list[Path]:
    """Those of ``paths`` that are in one of ``folders``, the outermost of nested ones only."""
    inside = [path for path in paths if any(path.is_relative_to(folder) for folder in folders)]
    return [path for path in inside if not any(path != other and path.is_relative_to(other) for other in inside)]
