"""The place of jobs in the queue for instances, with a real supervisor and store; nobody carries out a command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.arns import Scope
from emulator.clock import SystemClock
from emulator.machines.supervisor import Kind, Supervisor
from emulator.sagemaker.training_job.events import Granted, Prepared, StopRequested
from emulator.sagemaker.training_job.life import NOUN, Terms
from emulator.sagemaker.training_job.machine import TrainingJobMachine, begin
from emulator.sagemaker.training_job.view import life_of
from emulator.state.sql import SqlStore
from emulator.state.store import Key, Resource
from tests.running import until


class Queue:
    """An emulator's jobs, of which one can have its instance at a time."""

    def __init__(self, path: Path) -> None:
        self.store = SqlStore.file(path / "state.db", synced=False)
        self.supervisor = Supervisor(self.store, SystemClock(), instances=1)
        self.supervisor.register(Kind(TrainingJobMachine(), lambda *_: None))

    def job(self, name: str) -> Resource:
        key = Key(Scope("123456789012", "us-east-1"), NOUN, name)
        return self.supervisor.begin(
            Resource(key, name, f"arn:{name}", "", 1.0, 1.0), begin(1.0, Terms(("algo-1",), 60.0))
        )

    def phase(self, job: Resource) -> str:
        found = self.store.get(job.key)
        assert found is not None
        return life_of(found).phase

    def gets_its_instance(self, job: Resource) -> None:
        until(lambda: self.phase(job) == "preparing", what=f"{job.key.name} has its instance")

    def close(self) -> None:
        self.supervisor.close(1.0)
        self.store.close()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    made = Queue(tmp_path)
    yield made
    made.close()


def test_a_job_that_was_stopped_before_its_recovery_takes_no_instance(tmp_path: Path, queue: Queue) -> None:
    queue.supervisor.close(1.0)  # which grants nothing any more
    stopped = queue.job("stopped")
    again = Queue(tmp_path)
    unfinished = again.supervisor.unfinished()
    again.supervisor.post(stopped, StopRequested())
    assert again.supervisor.recover(unfinished) == 0
    again.gets_its_instance(again.job("next"))
    again.close()


def test_a_job_that_went_away_while_it_was_granted_an_instance_gives_it_back(queue: Queue) -> None:
    gone = queue.job("gone")
    queue.gets_its_instance(gone)
    queue.store.delete(gone.key)
    assert queue.supervisor.post(gone, Granted()) is None
    queue.gets_its_instance(queue.job("next"))


def test_who_has_an_instance_is_counted_before_others_can_ask(tmp_path: Path, queue: Queue) -> None:
    running = queue.job("running")
    queue.gets_its_instance(running)
    queue.supervisor.post(running, Prepared())
    again = Queue(tmp_path)
    again.supervisor.hold(again.supervisor.unfinished())
    late = again.job("late")
    until(lambda: "Insufficient" in (_message(again, late)), what="the job waits")
    assert again.phase(late) == "waiting"
    again.close()


def _message(queue: Queue, job: Resource) -> str:
    found = queue.store.get(job.key)
    assert found is not None
    return life_of(found).history[-1].message
