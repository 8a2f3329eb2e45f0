"""What a host uses, while its container runs."""

from __future__ import annotations

import threading

from emulator.engines.port import ContainerGone, EngineAway, Usage
from emulator.sagemaker.training_job.utilisation import Utilisation
from emulator.sinks.port import Datum


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
    over.wait()
    measuring.stop()
    assert [(datum.name, datum.value) for datum in put] == [("CPUUtilization", 50.0), ("MemoryUtilization", 50.0)]
