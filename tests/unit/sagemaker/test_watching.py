"""Watching a container through an outage of its engine, with doubles that have one fault each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.clock import FakeClock
from emulator.engines.port import ContainerGone, EngineAway, EngineClosed, EngineError, Exit, Handle, LogLine
from emulator.sagemaker.watching import Watcher

# As an engine sends stdout and stderr: not in the order of their times.
LINES = [LogLine(float(number % 4), f"line {number}") for number in range(10)]
ENDED = Exit(3, False, 0.0, 9.0)


class Flaky:
    """An engine that fails the first ``faults`` times, logs after every third line."""

    def __init__(self, faults: int, fault: type[EngineError] = EngineError) -> None:
        self._faults = faults
        self._fault = fault

    def _fail(self) -> None:
        if self._faults:
            self._faults -= 1
            raise self._fault() if self._fault is EngineClosed else self._fault("not now")

    def wait(self, _: Handle) -> Exit:
        self._fail()
        return ENDED

    def logs(self, _: Handle, since: float | None = None) -> Iterator[LogLine]:
        for number, line in enumerate(line for line in LINES if since is None or line.at > since):
            if number == 3:
                self._fail()
            yield line


def watcher(engine: Any) -> tuple[Watcher, FakeClock]:
    clock = FakeClock()
    return Watcher(engine, clock), clock


@pytest.mark.parametrize("faults", [0, 1, 5])
def test_an_outage_is_waited_out(faults: int) -> None:
    watch, clock = watcher(Flaky(faults))
    before = clock.now()
    assert watch.wait({}) == ENDED
    assert clock.now() - before == faults


@pytest.mark.parametrize("faults", [0, 1, 2])
def test_every_line_comes_once_across_outages(faults: int) -> None:
    assert list(watcher(Flaky(faults))[0].lines({})) == LINES


@pytest.mark.parametrize("fault", [ContainerGone, EngineClosed])
def test_what_cannot_change_is_told_at_once(fault: type[EngineError]) -> None:
    watch, clock = watcher(Flaky(1, fault))
    before = clock.now()
    with pytest.raises(fault):
        watch.wait({})
    assert clock.now() == before
    with pytest.raises(fault):
        list(watcher(Flaky(1, fault))[0].lines({}))


@pytest.mark.parametrize("faults", [0, 1, 5])
def test_anything_asked_of_an_engine_that_is_away_is_asked_again(faults: int) -> None:
    engine = Flaky(faults, EngineAway)
    watch, clock = watcher(engine)
    before = clock.now()
    assert watch.patiently(lambda: engine.wait({})) == ENDED
    assert clock.now() - before == faults


@pytest.mark.parametrize("fault", [EngineError, ContainerGone, EngineClosed])
def test_what_an_engine_refuses_is_not_asked_again(fault: type[EngineError]) -> None:
    engine = Flaky(1, fault)
    with pytest.raises(fault):
        watcher(engine)[0].patiently(lambda: engine.wait({}))


def test_an_emulator_that_stops_waits_for_no_engine() -> None:
    closing = threading.Event()
    engine = Flaky(1, EngineAway)
    watch = Watcher(engine, FakeClock(), closing.is_set)  # type: ignore[arg-type]  # a double of the two methods used
    closing.set()
    with pytest.raises(EngineClosed):
        watch.patiently(lambda: engine.wait({}))
    assert watch.patiently(lambda: engine.wait({})) == ENDED
