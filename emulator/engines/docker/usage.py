"""What a container uses, from the engine's statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.engines.docker.exits import seconds
from emulator.engines.port import ContainerGone, EngineError, Usage

_NEVER = "0001-01-01"
_PER_SECOND = 1e9

# Files that were read once and are not used: the kernel takes that memory back first. By cgroup version 1 and 2.
_IDLE_CACHE = ("total_inactive_file", "inactive_file")


def read(stats: Mapping[str, Any]) -> Usage:
    """The usage in an answer of ``GET /containers/{id}/stats``; raises `ContainerGone` of one that does not run."""
    if str(stats["read"]).startswith(_NEVER):
        raise ContainerGone("The container does not run any more, so it uses nothing.")
    memory: Mapping[str, Any] = stats["memory_stats"]
    if "usage" not in memory:
        raise EngineError("The engine does not tell what its containers use: it has no control groups.")
    return Usage(
        at=seconds(stats["read"]),
        cpu_seconds=stats["cpu_stats"]["cpu_usage"]["total_usage"] / _PER_SECOND,
        memory=memory["usage"] - _idle_cache(memory.get("stats") or {}),
        memory_limit=memory.get("limit"),
    )


def _idle_cache(details: Mapping[str, int]) -> int:
    return next((details[name] for name in _IDLE_CACHE if name in details), 0)
