"""What a container uses: from the kernel where this machine's is the engine's, else from the engine's statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker

from emulator.engines.docker import cgroups
from emulator.engines.docker.exits import seconds
from emulator.engines.docker.facts import Facts
from emulator.engines.port import ContainerGone, EngineError, Usage

_NEVER = "0001-01-01"
_PER_SECOND = 1e9

# Files that were read once and are not used: the kernel takes that memory back first. By cgroup version 1 and 2.
_IDLE_CACHE = ("total_inactive_file", "inactive_file")


def measure(client: docker.APIClient, facts: Facts, container: str) -> Usage:
    """The usage of the container with this id. Raises `ContainerGone`, and what docker-py raises."""
    if facts.native:
        process = client.inspect_container(container)["State"]["Pid"]
        if (seen := cgroups.measure(process, container, facts.memory)) is not None:
            return seen
    # One shot: the engine would measure twice otherwise. Some versions still make whoever asks again wait for a second.
    return read(client.stats(container, stream=False, one_shot=True))


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
