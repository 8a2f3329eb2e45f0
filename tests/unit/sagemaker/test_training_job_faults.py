"""What tests ask for on purpose, as it meets the commands of a job; the clock and the stored job are the test's."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.clock import FakeClock
from emulator.controls import Controls
from emulator.engines.port import EngineClosed
from emulator.machines.machine import Command, Event
from emulator.sagemaker.training_job import commands, events, machine
from emulator.sagemaker.training_job.faults import Faults
from emulator.sagemaker.training_job.life import NOUN, Terms
from emulator.state.store import Key, Resource

BOX = {"id": "c1"}
RUNNING: list[Event] = [events.Granted(), events.Prepared(), events.Staged(), events.Launched({"algo-1": BOX})]
ENDED: list[Event] = [*RUNNING, events.Exited("algo-1", 1, 0)]
SPOT = Terms(("algo-1",), 60.0, max_wait=60.0, spot=True)


def job(*happened: Event) -> Resource:
    life = machine.begin(0.0, SPOT)
    for event in happened:
        after, _ = machine.TrainingJobMachine().step(life, event, 1.0)
        assert after is not None
        life = after
    status, state = machine.TrainingJobMachine().dump(life)
    key = Key(Scope("123456789012", "us-east-1"), NOUN, "job")
    return Resource(key, "uid", "arn:job", status, 0.0, 0.0, state=state)


def looks(before: Resource, after: Resource | None, command: Command, status: str) -> int:
    """How often a command that is delayed for ten seconds looks at its job, which becomes ``after`` at once."""
    clock, seen = FakeClock(), 0

    def get(_key: Key) -> Resource | None:
        nonlocal seen
        seen += 1
        clock.advance(1.0)
        return after

    controls = Controls()
    controls.add("delay", "job", parameters={"status": status, "seconds": 10})
    supervisor = SimpleNamespace(closing=threading.Event())
    platform: Any = SimpleNamespace(
        clock=clock, controls=controls, supervisor=supervisor, store=SimpleNamespace(get=get)
    )
    assert Faults(platform).before(before, command) is None
    return seen


@pytest.mark.parametrize(
    ("happened", "command", "status"),
    [
        ([events.Granted()], commands.Prepare(), "Starting"),
        (RUNNING[:2], commands.Stage(), "Downloading"),
        (RUNNING, commands.Watch("algo-1", BOX, 1), "Training"),
        (ENDED, commands.Upload(), "Uploading"),
    ],
)
def test_a_delay_lasts_its_whole_time_in_each_status(happened: list[Event], command: Command, status: str) -> None:
    before = job(*happened)
    assert looks(before, before, command, status) == 10


WATCH = commands.Watch("algo-1", BOX, 1)


@pytest.mark.parametrize(
    "after",
    [
        None,
        replace(job(*RUNNING), uid="another"),
        job(*RUNNING, events.StopRequested()),
        job(*RUNNING, events.Interrupted()),
    ],
)
def test_a_delay_ends_when_something_happens_to_the_job(after: Resource | None) -> None:
    assert looks(job(*RUNNING), after, WATCH, "Training") == 1


def test_a_delay_ends_without_an_outcome_when_the_emulator_does() -> None:
    controls, closing = Controls(), threading.Event()
    controls.add("delay", parameters={"seconds": 10})
    closing.set()
    platform: Any = SimpleNamespace(
        clock=FakeClock(), controls=controls, supervisor=SimpleNamespace(closing=closing), store=None
    )
    with pytest.raises(EngineClosed):
        Faults(platform).before(job(events.Granted()), commands.Prepare())
