"""How the ways to isolate a process show it a `Mount`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from emulator.engines.mounts import ML, point_in
from emulator.engines.port import EngineError, Mount


def outermost_first(mounts: Iterable[Mount]) -> list[Mount]:
    """In an order in which none of them hides another."""
    return sorted(mounts, key=lambda mount: len(PurePosixPath(mount.inside).parts))


def require_point(mount: Mount, makeable: Sequence[str]) -> None:
    """Raise `EngineError` unless the mount's directory can be made in the room, or is there on this machine."""
    if not any(PurePosixPath(mount.inside).is_relative_to(folder) for folder in makeable) and (
        not Path(mount.inside).is_dir()
    ):
        raise EngineError(
            f"{mount.inside} does not exist on this machine, so that a process cannot see a directory there: choose a "
            f"path below {ML}, make the directory, or use Docker."
        )


def commands(mount: Mount) -> list[str]:
    """The shell commands that mount it in a mount namespace, where nothing but /opt/ml can be added to."""
    require_point(mount, (str(ML),))
    inside = shlex.quote(mount.inside)
    bind = f"mount --bind {shlex.quote(str(mount.source.absolute()))} {inside}"
    return [bind, f"mount -o remount,bind,ro {inside}"] if mount.read_only else [bind]


def link(ml: Path, mount: Mount) -> None:
    """Put a link in the place of the mount's point in ``ml``; raises `EngineError` when it is elsewhere."""
    point = point_in(ml, mount)
    if point is None:
        raise EngineError(
            f"A process cannot see a directory at {mount.inside} on this machine without Docker or, on Linux, "
            f"bubblewrap. Install one of them, or choose a path below {ML}."
        )
    if any(point.iterdir()):
        raise EngineError(f"{mount.inside} has files of its own, in whose place a process cannot see others here.")
    point.rmdir()
    point.symlink_to(mount.source.absolute())
