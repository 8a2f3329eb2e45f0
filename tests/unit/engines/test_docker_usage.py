"""Reading the engine's statistics."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.engines.docker import usage
from emulator.engines.port import ContainerGone, EngineError, Usage


def stats(memory: dict[str, Any], read: str = "2024-05-06T07:08:09.123456789Z") -> dict[str, Any]:
    return {"read": read, "cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}}, "memory_stats": memory}


@pytest.mark.parametrize("name", ["total_inactive_file", "inactive_file"])
def test_idle_files_are_not_counted_under_either_version_of_control_groups(name: str) -> None:
    answer = stats({"usage": 100, "limit": 1000, "stats": {name: 30, "active_file": 5}})
    assert usage.read(answer) == Usage(1714979289.123456, 1.5, 70, 1000)


def test_a_container_that_does_not_run_is_gone() -> None:
    with pytest.raises(ContainerGone):
        usage.read(stats({}, read="0001-01-01T00:00:00Z"))


def test_an_engine_without_control_groups_is_not_believed() -> None:
    with pytest.raises(EngineError, match="control groups"):
        usage.read(stats({}))
