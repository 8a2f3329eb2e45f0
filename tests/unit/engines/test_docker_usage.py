"""Reading the engine's statistics, and the kernel's under either version of control groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.engines.docker import cgroups, usage
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


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], None]:
    """Write files below a directory that stands for the root of /proc and of /sys/fs/cgroup."""

    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


Write = Callable[[dict[str, str]], None]


def measure(root: Path) -> tuple[float, int, int | None] | None:
    found = cgroups.measure(7, "abc", 1000, root, root)
    return None if found is None else (found.cpu_seconds, found.memory, found.memory_limit)


@pytest.mark.parametrize("controllers", ["cpuacct", "cpu,cpuacct"])
def test_the_first_version_is_read(tmp_path: Path, write: Write, controllers: str) -> None:
    write(
        {
            "7/cgroup": f"9:rdma:/\n4:memory:/docker/abc\n2:{controllers}:/docker/abc\n0::/docker/abc\n",
            f"{controllers}/docker/abc/cpuacct.usage": "2500000000\n",
            "memory/docker/abc/memory.usage_in_bytes": "300\n",
            "memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/docker/abc/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
        }
    )
    assert measure(tmp_path) == (2.5, 200, 1000)


@pytest.mark.parametrize(("told", "limit"), [("max", 1000), ("500", 500)])
def test_the_second_version_is_read(tmp_path: Path, write: Write, told: str, limit: int) -> None:
    group = "system.slice/docker-abc.scope"
    write(
        {
            "7/cgroup": f"0::/{group}\n",
            f"{group}/cpu.stat": "usage_usec 1500000\nuser_usec 1000000\n",
            f"{group}/memory.current": "300\n",
            f"{group}/memory.max": f"{told}\n",
            f"{group}/memory.stat": "anon 7\ninactive_file 100\n",
        }
    )
    assert measure(tmp_path) == (1.5, 200, limit)


def test_a_process_that_is_somebody_elses_is_not_measured(tmp_path: Path, write: Write) -> None:
    write({"7/cgroup": "0::/user.slice\n", "user.slice/cpu.stat": "usage_usec 1\n"})
    assert measure(tmp_path) is None


def test_a_process_that_has_ended_is_not_measured(tmp_path: Path) -> None:
    assert measure(tmp_path) is None
