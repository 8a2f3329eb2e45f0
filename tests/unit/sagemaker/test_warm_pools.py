"""Warm pools with a real store and a real supervisor: what a pool becomes that its job did not give back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.clock import SystemClock
from emulator.engines.port import Handle, Owned
from emulator.machines.supervisor import Kind, Supervisor
from emulator.sagemaker.training_job.life import NOUN, Terms
from emulator.sagemaker.training_job.machine import TrainingJobMachine, begin
from emulator.sagemaker.training_job.warm_pool.machine import NOUN as POOL
from emulator.sagemaker.training_job.warm_pool.machine import WarmPoolMachine
from emulator.sagemaker.training_job.warm_pool.pools import Pools
from emulator.sagemaker.training_job.warm_pool.work import WarmPoolWork
from emulator.state.sql import SqlStore
from emulator.state.store import Key, Resource

SCOPE = Scope("123456789012", "us-east-1")
REQUEST = {
    "TrainingJobName": "first",
    "AlgorithmSpecification": {"TrainingImage": "mine"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": 600},
    "RoleArn": "arn:aws:iam::123456789012:role/r",
}


class Yard:
    """Pools, and jobs that nobody runs."""

    def __init__(self, path: Path) -> None:
        self.store = SqlStore.file(path / "state.db", synced=False)
        self.supervisor = Supervisor(self.store, SystemClock())
        self.owned: list[Owned] = []
        self.removed: list[Handle] = []
        platform: Any = SimpleNamespace(
            store=self.store,
            clock=SystemClock(),
            supervisor=self.supervisor,
            engine=SimpleNamespace(owned=lambda: self.owned, remove=self.removed.append),
            directory=lambda resource: path / resource.uid,
        )
        self.pools = Pools(platform)
        self.supervisor.register(Kind(TrainingJobMachine(), lambda *_: None))
        self.supervisor.register(Kind(WarmPoolMachine(), WarmPoolWork(platform)))

    def job(self, name: str) -> Resource:
        """A job as it is when it has just been created."""
        status, state = TrainingJobMachine().dump(begin(0.0, Terms(("algo-1",), 60.0, keep_alive=600)))
        request = {**REQUEST, "TrainingJobName": name}
        job = Resource(Key(SCOPE, NOUN, name), name, f"arn:{name}", status, 0.0, 0.0, request, state)
        self.store.insert(job)
        return job

    def taken(self) -> Resource:
        """A job that has taken a pool over, and has not said so."""
        self.pools.retain(self.job("first"))
        job = self.job("second")
        assert self.pools.claim(job) is not None
        return job

    def status(self) -> list[str]:
        assert self.supervisor.settle(10.0)
        return [pool.status for pool in self.store.scan(POOL)]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path)
    yield made
    made.supervisor.close(10.0)
    made.store.close()


def test_a_job_gives_back_a_pool_that_it_took_over_before_it_could_say_so(yard: Yard) -> None:
    job = yard.taken()
    assert yard.status() == ["InUse"]
    yard.pools.free(job)
    assert yard.status() == ["Reused"]


@pytest.mark.parametrize(("status", "after"), [("InProgress", "InUse"), ("Stopping", "InUse"), ("Failed", "Reused")])
def test_a_restart_frees_the_pool_of_a_job_that_has_ended(yard: Yard, status: str, after: str) -> None:
    job = yard.taken()
    yard.store.save(replace(job, status=status))
    yard.supervisor.recover(yard.store.scan(POOL))
    assert yard.status() == [after]


def test_a_restart_frees_the_pool_of_a_job_that_was_made_again(yard: Yard) -> None:
    job = yard.taken()
    yard.store.delete(job.key)
    yard.store.insert(replace(job, uid="another"))
    yard.supervisor.recover(yard.store.scan(POOL))
    assert yard.status() == ["Reused"]


def test_a_container_that_a_crash_kept_from_its_pool_goes_with_the_pool(yard: Yard) -> None:
    job = yard.taken()
    (pool,) = yard.store.scan(POOL)
    yard.owned = [Owned(uid, {"id": uid}, {"uid": uid}, True) for uid in ("another", pool.uid)]
    yard.pools.free(job)
    assert yard.status() == ["Reused"]
    assert yard.removed == [{"id": pool.uid}]
