"""The mounts of a `LaunchSpec`, as far as all engines treat them alike."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from emulator.engines.port import EngineError, LaunchSpec, Mount

ML = PurePosixPath("/opt/ml")


def check(spec: LaunchSpec) -> None:
    """Raise `EngineError` unless every mount has a directory to show and a path to show it at."""
    for mount in spec.mounts:
        inside = PurePosixPath(mount.inside)
        if not inside.is_absolute() or inside.parts == ("/",) or ".." in inside.parts:
            raise EngineError(f"{mount.inside!r} is no path in a container at which a directory can be shown.")
        if not mount.source.is_dir():
            raise EngineError(f"The directory {mount.source}, to be seen as {mount.inside}, does not exist.")


def make_points(spec: LaunchSpec) -> None:
    """Make the directories of ``spec.ml`` that mounts are to cover: as ours, where an engine would make root's."""
    for mount in spec.mounts:
        point = point_in(spec.ml, mount)
        if point is None:
            continue
        if point.is_symlink():  # of an earlier launch, by an engine that cannot mount
            point.unlink()
        point.mkdir(parents=True, exist_ok=True)


def point_in(ml: Path, mount: Mount) -> Path | None:
    """What in ``ml`` the mount covers; None when it is elsewhere."""
    inside = PurePosixPath(mount.inside)
    return ml / inside.relative_to(ML) if inside.is_relative_to(ML) else None
