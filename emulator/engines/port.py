"""The Engine port: where containers run.

An engine turns a `LaunchSpec` into a running container and answers with a handle, a small JSON document that a
restarted emulator can use to find the container again. Every implementation passes one contract suite
(``tests/contract/test_engine.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Handle = Mapping[str, Any]
"""What `Engine.launch` answers: JSON, opaque to everyone but the engine that made it.

It names that engine (``engine``) and the emulator (``emulator``, its id). State travels, as a snapshot, and container
ids with it: to any other emulator, on the same machine or not, the container does not exist.
"""


@dataclass(frozen=True, slots=True)
class Mount:
    """A host directory that a container sees at an absolute path, in place of whatever is there.

    What a container writes to it belongs to the invoking user afterwards. Of one that is ``read_only`` nothing can be
    changed from within a container, be it by root; an engine without containers says in its health when it cannot keep
    a program from that.
    """

    inside: str
    """Where, for example ``/opt/ml/checkpoints``: below ``/opt/ml``, also where ``ml`` has no such directory, or
    anywhere else, which not every engine can do."""
    source: Path
    read_only: bool = False
    users: bool = False
    """The directory is the user's, not one of the emulator's: what is in it already keeps its modes and owners. Where
    somebody else's files are among it, what the container writes keeps the owner it has, too."""


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One container to run.

    ``ml`` is a host directory whose children (``input``, ``model``, ``output`` ...) appear as
    ``/opt/ml/<child>`` inside; the rest of the image's ``/opt/ml`` stays visible.
    """

    name: str
    """Unique within this emulator, ``[a-zA-Z0-9][a-zA-Z0-9_.-]*``; launching the same name twice finds the first."""
    image: str
    """The image as the request names it, for example an ECR URI."""
    ml: Path
    arguments: tuple[str, ...] = ()
    """Replaces the image's CMD when not empty, e.g. ``("train",)``."""
    entrypoint: tuple[str, ...] = ()
    """Replaces the image's ENTRYPOINT when not empty."""
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    hostname: str = "algo-1"
    port: int | None = None
    """A TCP port the container listens on and the emulator wants to reach."""
    cpus: float | None = None
    memory: int | None = None
    """Bytes."""
    network: bool = True
    """False isolates the container from every network."""
    shielded: frozenset[str] = frozenset()
    """Children of ``ml`` whose files no program in the container can change, whatever it does; see `Engine.shields`."""
    mounts: tuple[Mount, ...] = ()
    """Directories shown on top of the children of ``ml``."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended. Times are seconds since the epoch."""

    code: int
    out_of_memory: bool
    started_at: float | None
    finished_at: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used when asked: ``at`` is in seconds since the epoch, memory in bytes.

    ``cpu_seconds`` counts all its processes since it started, those that ended too, so that two answers make a rate.
    ``memory_limit`` is the most it may use, the machine's memory where it has no limit of its own; None when the engine
    limits nothing.
    """

    at: float
    cpu_seconds: float
    memory: int
    memory_limit: int | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container's output, without its line end. ``at`` is in seconds since the epoch."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an engine can run containers, its version, and what to do when it cannot."""

    ok: bool
    version: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    """A container that carries this emulator's label."""

    name: str
    handle: Handle
    labels: Mapping[str, str]
    running: bool


class EngineError(Exception):
    """The engine could not do what was asked; the message tells a user why and what to do."""


class EngineAway(EngineError):
    """The engine does not answer at all, as while it restarts: whatever was asked may be asked again."""


class EngineClosed(EngineError):
    """The engine was closed while somebody waited; containers go on."""

    def __init__(self) -> None:
        super().__init__("The emulator is shutting down; its containers go on.")


class ImageMissing(EngineError):
    """The image is not there and cannot be had; the message names the remedy."""


class Unshielded(EngineError):
    """Files are to be shielded and cannot be, as when a job goes on with another engine than it began with."""

    def __init__(self) -> None:
        super().__init__(
            "The job's files are the stored objects themselves, and this engine cannot keep a container from changing "
            "them. Use the engine that the job was begun with, or create the job again."
        )


class NoClusters(EngineError):
    """Several hosts are asked for, and this engine runs one host only (`Engine.clusters`)."""

    def __init__(self, hosts: int) -> None:
        super().__init__(
            f"The process engine runs jobs of one instance; a cluster of {hosts} needs Docker. Start Docker and use "
            "`--engine docker`, or ask for one instance."
        )


class ContainerGone(EngineError):
    """The container a handle names does not exist any more, or is another emulator's."""


def is_own(handle: Handle, engine: Engine, emulator_id: str) -> bool:
    """Whether this emulator launched the handle's container, with an engine of this kind."""
    return handle.get("engine") == engine.name and handle.get("emulator") == emulator_id


State = Literal["running", "exited", "gone"]

LONGEST_LINE = 1024 * 1024
"""Bytes. A longer line is cut into several, so that a program that never ends its line cannot fill the memory."""


class Engine(Protocol):
    """Runs containers. Methods may be called from any thread; all may raise `EngineError`, and `EngineAway`
    when asking again later is worth while. A handle of another emulator or engine is one whose container is gone."""

    name: str
    clusters: bool
    """Whether `launch_all` takes more than one host."""

    def health(self) -> Health:
        """Ask the engine whether it answers; never raises."""
        ...

    def prepare(self) -> str | None:
        """Make what containers need before the first launch (a network); idempotent.

        Answers the host address at which containers can reach the emulator when it differs from loopback, so
        that the front listens there too; None when loopback is enough.
        """
        ...

    def endpoint_host(self) -> str:
        """The host name or address by which a container reaches the emulator."""
        ...

    def require_image(self, image: str) -> str:
        """Raise `ImageMissing` unless ``image`` can be run now; answers the name the engine itself uses for it."""
        ...

    def shields(self, ml: Path) -> bool:
        """Whether `launch` can keep the files of ``spec.shielded`` from being changed when ``ml`` is where they are.

        What the container writes there is its own and goes with it, or is refused by the file system; the files of
        ``ml`` keep their bytes, modes and names. Found out by trying, once.
        """
        ...

    def launch(self, spec: LaunchSpec) -> Handle:
        """Start a container. A container of the same name that exists already is found, not made again.

        Raises `Unshielded` rather than show a shielded child as it is.
        """
        ...

    def launch_all(self, specs: Sequence[LaunchSpec]) -> list[Handle]:
        """Start the hosts of one cluster, at least one, all or none; answers their handles in the same order.

        Hosts reach each other by `LaunchSpec.hostname`, also when ``network`` is False, which all of them share: then
        they reach nobody else. A cluster whose containers were all started is found, not made again. Of one that was
        started in part, as by a crash, what is there is removed first.

        Raises what `launch` raises, and `NoClusters`.
        """
        ...

    def state(self, handle: Handle) -> State:
        """Whether the container runs, has ended, or does not exist."""
        ...

    def wait(self, handle: Handle) -> Exit:
        """Block until the container has ended; repeatable. What it wrote below ``ml`` and to its mounts then
        belongs to the invoking user. Raises `ContainerGone`, and `EngineClosed` when the engine is closed meanwhile."""
        ...

    def usage(self, handle: Handle) -> Usage:
        """What the container uses; quick. Raises `ContainerGone` when it does not run, and `EngineError` where nobody
        knows."""
        ...

    def logs(self, handle: Handle, since: float | None = None) -> Iterator[LogLine]:
        """Follow the output (stdout and stderr in order) from its beginning, or after ``since``, to its end.

        Complete: every line written before the end is yielded. A carriage return or tab is passed on untouched.
        Raises `ContainerGone`, and `EngineClosed` when the engine is closed meanwhile.
        """
        ...

    def stop(self, handle: Handle, grace: float) -> None:
        """Send SIGTERM, and SIGKILL when the container still runs after ``grace`` seconds. Returns at once."""
        ...

    def address(self, handle: Handle) -> tuple[str, int]:
        """Host and port at which the emulator reaches the container's ``spec.port``."""
        ...

    def remove(self, handle: Handle) -> None:
        """End the container if it runs and remove all traces; what it wrote below ``ml`` and to its mounts
        stays and belongs to the invoking user. Removing what is gone is fine."""
        ...

    def owned(self) -> list[Owned]:
        """Every container that carries this emulator's label, running or not."""
        ...

    def close(self) -> None:
        """Give back what the engine holds (clients, threads); containers go on. Whoever waits or follows gets
        `EngineClosed`. Removes the network if nobody uses it."""
        ...
