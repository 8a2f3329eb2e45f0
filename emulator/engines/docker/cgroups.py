"""What a container uses, from the kernel's own control groups: the engine's answer may take a second, these do not."""

from __future__ import annotations

import time
from pathlib import Path

from emulator.engines.port import Usage

_PROC = Path("/proc")
_ROOT = Path("/sys/fs/cgroup")


def measure(process: int, container: str, machine_memory: int, proc: Path = _PROC, root: Path = _ROOT) -> Usage | None:
    """The usage of the container with this id, of which ``process`` is one; ``machine_memory`` limits all.

    None when they cannot be found: the process has ended, or this emulator is in a container and sees others.
    """
    try:
        listed = (line.split(":", 2) for line in (proc / str(process) / "cgroup").read_text().splitlines())
        # Of a hierarchy that the engine does not know, the container is in the root.
        groups = {names: root / names / path.lstrip("/") for _, names, path in listed if container in path}
        return _version_1(groups, machine_memory) or _version_2(groups[""], machine_memory)
    except (OSError, LookupError, ValueError):
        return None


def _version_1(groups: dict[str, Path], machine_memory: int) -> Usage | None:
    """Each kind of resource has a hierarchy of its own, or shares one: ``cpu,cpuacct``."""
    cpu = next((group for names, group in groups.items() if "cpuacct" in names.split(",")), None)
    memory = groups.get("memory")
    if cpu is None or memory is None:
        return None
    nanoseconds = int((cpu / "cpuacct.usage").read_text())
    idle_cache = _table(memory / "memory.stat")["total_inactive_file"]
    used = int((memory / "memory.usage_in_bytes").read_text()) - idle_cache
    limit = int((memory / "memory.limit_in_bytes").read_text())
    return Usage(time.time(), nanoseconds / 1e9, used, min(limit, machine_memory))


def _version_2(group: Path, machine_memory: int) -> Usage:
    microseconds = _table(group / "cpu.stat")["usage_usec"]
    used = int((group / "memory.current").read_text()) - _table(group / "memory.stat")["inactive_file"]
    limit = (group / "memory.max").read_text().strip()
    return Usage(time.time(), microseconds / 1e6, used, machine_memory if limit == "max" else int(limit))


def _table(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in file.read_text().splitlines())}
