"""The life of a warm pool, as a pure function."""

from __future__ import annotations

from dataclasses import replace

from emulator.machines.machine import Alarm, Command, Event
from emulator.sagemaker.training_job.life import LeftPool
from emulator.sagemaker.training_job.warm_pool.machine import (
    Check,
    Claimed,
    Discard,
    Expired,
    Freed,
    Prolonged,
    Tell,
    Told,
    Warm,
    Warmed,
    WarmPool,
    WarmPoolMachine,
)

MACHINE = WarmPoolMachine()
BOX = {"id": "c1"}
CLAIM = Claimed("next", "u2")


def live(*events: tuple[float, Event]) -> tuple[WarmPool, list[Command]]:
    """A pool left at 100 for 60 seconds, after the events; and the commands of the last one."""
    life = WarmPool("Available", 100.0, 60)
    commands = list(MACHINE.resume(life))
    for at, event in events:
        after, answered = MACHINE.step(life, event, at)
        assert after is not None
        life, commands = after, list(answered)
    return life, commands


def test_a_pool_is_available_until_its_time_is_up() -> None:
    assert live()[1] == [Tell(), Warm(), Alarm(160.0, Expired())]
    life, commands = live((101.0, Warmed(BOX)), (160.0, Expired()))
    assert (life.left, commands) == (LeftPool("Terminated", 60, 60), [Discard(BOX), Tell()])
    assert MACHINE.step(life, Told(), 161.0)[0] == replace(life, status="Terminated")


def test_a_job_takes_it_over_and_ends_it() -> None:
    life, commands = live((101.0, Warmed(BOX)), (110.5, CLAIM))
    assert (life.status, life.left, commands) == ("InUse", LeftPool("Reused", 60, 11, "next"), [Tell()])
    life, commands = live((101.0, Warmed(BOX)), (110.5, CLAIM), (120.0, Freed("u2")))
    assert (life.status, commands) == ("Reused", [Discard(BOX)])


def test_only_the_first_of_two_jobs_gets_it() -> None:
    life, _ = live((110.0, CLAIM), (111.0, Claimed("other", "u3")))
    assert life.used_by == "next"
    assert live((110.0, CLAIM), (111.0, Freed("u3")))[0].status == "InUse"


def test_it_does_not_expire_while_it_is_used() -> None:
    assert live((110.0, CLAIM), (160.0, Expired()))[0].status == "InUse"


def test_another_retention_moves_its_end() -> None:
    life, commands = live((110.0, Prolonged(600)))
    assert commands == [Alarm(700.0, Expired())]
    assert MACHINE.step(life, Expired(), 160.0) == (life, ())
    assert live((110.0, Prolonged(0)), (110.0, Expired()))[0].left.status == "Terminated"


def test_a_container_that_comes_too_late_is_removed() -> None:
    assert live((160.0, Expired()), (161.0, Warmed(BOX)))[1] == [Discard(BOX)]


def test_a_life_survives_being_stored() -> None:
    life = live((101.0, Warmed(BOX)), (110.0, CLAIM))[0]
    assert MACHINE.load(MACHINE.dump(life)[1]) == life


def test_a_restart_warms_what_was_not_warm_yet() -> None:
    assert list(MACHINE.resume(live((101.0, Warmed(BOX)))[0])) == [Tell(), Alarm(160.0, Expired())]
    assert list(MACHINE.resume(live((110.0, CLAIM))[0])) == [Tell(), Check()]


def test_a_restart_tells_of_an_end_that_was_not_told() -> None:
    ending = live((101.0, Warmed(BOX)), (160.0, Expired()))[0]
    assert list(MACHINE.resume(ending)) == [Discard(BOX), Tell()]
    assert list(MACHINE.resume(replace(ending, status="Terminated"))) == []
