"""The process that feeds the pipes of one host, as the emulator sees it: its plan, its start, its end.

It outlives the emulator (see `emulator.optml.feeder`). That it lives is told by a lock that the system takes from it
when it ends, never by a process id.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from emulator.optml import feeder
from emulator.optml.layout import Layout

KILLED = "InternalServerError: the process that feeds the job's pipes was killed"


def add(layout: Layout, channel: Mapping[str, Any]) -> None:
    """Add a channel to the plan of a host whose feeder has not been started.

    ``channel``: ``name``; ``items``, the directory with the files ``0``, ``1`` and so on and with the file ``order``;
    ``seed`` to shuffle with, or None; ``gzip``; ``records``, whether items are wrapped.
    """
    layout.feeder.mkdir(mode=0o700, exist_ok=True)
    for word in ("feeding", "failed", "stop"):  # of an attempt before this one, which was interrupted
        (layout.feeder / word).unlink(missing_ok=True)
    others = [one for one in _plan(layout) if one["name"] != channel["name"]]
    _write_plan(layout, {"channels": [*others, channel]})


def start(layout: Layout, until: float) -> None:
    """Have the host's pipes fed, unless there are none or somebody feeds them already.

    The feeder ends by itself at ``until``, in seconds since the epoch, and when the host's directory is removed. Raises
    OSError when it cannot be started.
    """
    channels = _plan(layout)
    if not channels:
        return
    with (layout.feeder / "lock").open("a") as lock:
        if not _taken(lock.fileno()):
            return
        _write_plan(layout, {"channels": channels, "data": str(layout.data), "until": until})
        _run(layout, lock.fileno())


def stop(layout: Layout) -> None:
    """End the feeder, and wait for that; fine when there is none. Pipes that are being read end early."""
    try:
        with (layout.feeder / "lock").open("a") as lock:
            (layout.feeder / "stop").touch()
            fcntl.flock(lock, fcntl.LOCK_EX)
        (layout.feeder / "stop").unlink(missing_ok=True)
    except FileNotFoundError:
        return


def failure(layout: Layout) -> str | None:
    """The FailureReason of a job whose pipes ended early on this host, or None.

    To be asked when the container has ended, as well: to the container it looked like the end of the data.
    """
    try:
        return (layout.feeder / "failed").read_text(encoding="utf-8")
    except FileNotFoundError:
        return KILLED if _was_killed(layout) else None


def _was_killed(layout: Layout) -> bool:
    """Whether a feeder has begun, has not come to a good end, and lives no more."""
    feeding = layout.feeder / "feeding"
    if not feeding.exists():
        return False
    with (layout.feeder / "lock").open("a") as lock:
        return _taken(lock.fileno()) and feeding.exists()  # looked at again: it may just have come to its good end


def _taken(lock: int) -> bool:
    """Whether nobody held the lock, so that it is ours as long as the file is open here or in a child."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _run(layout: Layout, lock: int) -> None:
    """Start the feeder, which takes the lock over. What it has to complain of is in the file ``log``."""
    program = [sys.executable, "-I", "-S", feeder.__file__, str(layout.feeder / "plan.json"), str(lock)]
    with (layout.feeder / "log").open("ab") as log:
        started = subprocess.run(
            program,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            pass_fds=(lock,),
            check=False,
        )
    if started.returncode:
        words = (layout.feeder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise OSError(None, f"the pipes cannot be fed: {words[-1] if words else 'the feeder was killed'}")


def _plan(layout: Layout) -> list[Mapping[str, Any]]:
    try:
        document = json.loads((layout.feeder / "plan.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    channels: list[Mapping[str, Any]] = document["channels"]
    return channels


def _write_plan(layout: Layout, document: Mapping[str, Any]) -> None:
    new = layout.feeder / "plan.json.new"
    new.write_text(json.dumps(document), encoding="utf-8")
    new.replace(layout.feeder / "plan.json")
