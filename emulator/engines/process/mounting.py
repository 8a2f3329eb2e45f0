"""How each way to isolate a process shows it the mounts of a `LaunchSpec`, whose points in ``ml`` are there already."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from emulator.engines.mounts import ML, point_in
from emulator.engines.port import EngineError, Mount


def bubblewrap_options(mounts: Iterable[Mount], makeable: Sequence[str]) -> Iterator[str]:
    """Options of ``bwrap``, which makes directories below those ``makeable`` where they are missing."""
    for mount in _outermost_first(mounts):
        _require_point(mount, makeable)
        yield from ("--ro-bind" if mount.read_only else "--bind", str(mount.source.absolute()), mount.inside)


def shell_commands(mounts: Iterable[Mount]) -> Iterator[str]:
    """Commands for a mount namespace in which everything but /opt/ml is the machine's own."""
    for mount in _outermost_first(mounts):
        _require_point(mount, [str(ML)])
        inside = shlex.quote(mount.inside)
        yield f"mount --bind {shlex.quote(str(mount.source.absolute()))} {inside}"
        if mount.read_only:
            yield f"mount -o remount,bind,ro {inside}"


def link(ml: Path, mounts: Iterable[Mount]) -> None:
    """Put links in the places of the mounts' points; raises `EngineError` of one that is not below /opt/ml."""
    for mount in mounts:
        point = point_in(ml, mount)
        if point is None:
            raise EngineError(
                f"A process cannot see a directory at {mount.inside} on this machine without Docker or, on Linux, "
                f"bubblewrap. Install one of them, or choose a path below {ML}."
            )
        if point.samefile(mount.source):
            continue
        if any(point.iterdir()):
            raise EngineError(f"{mount.inside} has files of its own, in whose place a process cannot see others here.")
        point.rmdir()
        point.symlink_to(mount.source.absolute())


def _outermost_first(mounts: Iterable[Mount]) -> list[Mount]:
    """In an order in which none of them hides another."""
    return sorted(mounts, key=lambda mount: len(PurePosixPath(mount.inside).parts))


def _require_point(mount: Mount, makeable: Sequence[str]) -> None:
    """Raise `EngineError` unless the mount's directory can be made, or is there on this machine."""
    inside = PurePosixPath(mount.inside)
    if not any(inside.is_relative_to(folder) for folder in makeable) and not Path(inside).is_dir():
        raise EngineError(
            f"{mount.inside} does not exist on this machine, so that a process cannot see a directory there: choose a "
            f"path below {ML}, make the directory, or use Docker."
        )
