"""What a host uses, as CloudWatch is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from emulator.engines.port import ContainerGone, EngineAway, Usage
from emulator.sagemaker.training_job import utilisation
from emulator.sagemaker.training_job.utilisation import Utilisation
from emulator.sinks.port import Datum

MIB = 1 << 20


def measured(readings: Iterator[Usage], memory: int | None = None) -> list[Datum]:
    """What is told of readings, after the last of which the container is gone."""
    told: list[Datum] = []
    over = threading.Event()

    def read() -> Usage:
        for reading in readings:
            return reading
        over.set()
        raise ContainerGone("it has ended")

    measuring = Utilisation("job/algo-1", read, lambda: 12.5, told.extend, memory)
    measuring.start()
    assert over.wait(60)
    measuring.stop()
    return told


def test_cpu_counts_a_hundred_for_each_busy_processor_and_memory_is_a_share_of_the_limit() -> None:
    readings = iter([Usage(100.0, 1.0, MIB, 4 * MIB), Usage(102.0, 4.0, MIB, 4 * MIB)])
    assert measured(readings) == [
        Datum("CPUUtilization", 150.0, 102.0, {"Host": "job/algo-1"}, "Percent"),
        Datum("MemoryUtilization", 25.0, 102.0, {"Host": "job/algo-1"}, "Percent"),
        Datum("DiskUtilization", 12.5, 102.0, {"Host": "job/algo-1"}, "Percent"),
    ]


def test_without_a_limit_memory_is_a_share_of_the_instance_types() -> None:
    readings = [Usage(100.0, 1.0, MIB, None), Usage(101.0, 1.0, MIB, None)]
    assert [found.value for found in measured(iter(readings), 2 * MIB) if found.name == "MemoryUtilization"] == [50.0]
    assert [found for found in measured(iter(readings)) if found.name == "MemoryUtilization"] == []


def test_the_disk_counts_every_file_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(bytes(3 * MIB))
    (tmp_path / "link").symlink_to("/proc/self/exe")
    assert utilisation.disk([tmp_path, tmp_path / "missing"], 1) is not None
    assert round(utilisation.disk([tmp_path], 1) or 0, 2) == round(100 * 3 / 1024, 2)
    assert utilisation.disk([tmp_path], 0) is None


def test_a_host_is_measured_again_once_the_engine_is_back() -> None:
    answers = [EngineAway("restarting"), Usage(1.0, 0.5, 50, 100), EngineAway("restarting"), Usage(3.0, 1.5, 50, 100)]
    put: list[Datum] = []
    over = threading.Event()

    def measure() -> Usage:
        if not answers:
            over.set()
            raise ContainerGone("it has ended")
        if isinstance(answer := answers.pop(0), EngineAway):
            raise answer
        return answer

    measuring = Utilisation("job/algo-1", measure, lambda: None, put.extend, pauses=[0.0] * 10)
    measuring.start()
    assert over.wait(60)
    measuring.stop()
    assert [(datum.name, datum.value) for datum in put] == [("CPUUtilization", 50.0), ("MemoryUtilization", 50.0)]
