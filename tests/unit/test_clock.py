"""Clocks: the machine's, one that tests can set ahead, and one that only tests move."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emulator.clock import FARTHEST, FakeClock, ShiftedClock, SystemClock
from emulator.machines.alarms import Alarms
from emulator.machines.supervisor import Supervisor
from emulator.state.sql import SqlStore


def test_a_shifted_clock_is_ahead_of_the_other_one_by_all_its_shifts() -> None:
    real = FakeClock(1000.0)
    clock = ShiftedClock(real)
    assert clock.now() == 1000.0
    assert [clock.shift(60), clock.shift(0.5)] == [60.0, 60.5]
    real.advance(1)
    assert (clock.now(), clock.offset) == (1061.5, 60.5)
    clock.reset()
    assert clock.now() == 1001.0


def test_what_really_passes_is_not_shifted() -> None:
    real = FakeClock(1000.0)
    clock = ShiftedClock(real)
    clock.shift(3600)
    assert clock.monotonic() == real.monotonic()
    clock.sleep(5)
    assert real.now() == 1005.0


@pytest.mark.parametrize("seconds", [0, -1, True, "60", None, float("nan"), float("inf"), FARTHEST + 1, 10**400])
def test_a_clock_is_set_ahead_only(seconds: Any) -> None:
    clock = ShiftedClock(FakeClock(1000.0))
    with pytest.raises(ValueError, match="seconds must be a number above 0"):
        clock.shift(seconds)
    assert clock.now() == 1000.0


def test_a_clock_stays_within_dates_that_clients_can_read() -> None:
    clock = ShiftedClock(FakeClock(1000.0))
    clock.shift(FARTHEST)
    with pytest.raises(ValueError, match="not 1"):
        clock.shift(1)


def test_shifts_of_several_threads_all_count() -> None:
    clock = ShiftedClock(FakeClock(0.0))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(clock.shift, [1] * 400))
    assert clock.offset == 400.0


def test_a_shift_rings_at_once_what_has_become_due_and_nothing_else() -> None:
    clock, rung, done = ShiftedClock(SystemClock()), [], threading.Event()

    def ring(what: str) -> None:
        rung.append(what)
        if what == "an hour":
            done.set()

    alarms = Alarms(clock, ring)
    clock.subscribe(alarms.wake)
    alarms.set(clock.now() + 7200, "two hours")
    alarms.set(clock.now() + 3600, "an hour")
    clock.shift(3700)
    assert done.wait(10)
    alarms.close()
    assert rung == ["an hour"]


def test_a_shift_leaves_the_patience_with_threads_as_it_is(tmp_path: Path) -> None:
    clock, store = ShiftedClock(SystemClock()), SqlStore.file(tmp_path / "db", synced=False)
    supervisor, ends = Supervisor(store, clock), [threading.Event(), threading.Event()]
    for end in ends:
        supervisor.beside("work", partial(end.wait, 60))

    def shift_between() -> None:
        clock.shift(FARTHEST)
        ends[0].set()
        threading.Timer(0.3, ends[1].set).start()

    threading.Timer(0.1, shift_between).start()
    assert supervisor.settle(patience=30, lasting=True)
    store.close()
