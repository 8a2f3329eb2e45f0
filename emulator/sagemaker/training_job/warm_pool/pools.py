"""Leaving instances to a warm pool, finding one that matches, taking it over and giving it back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from emulator import arns
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job.events import PoolChanged
from emulator.sagemaker.training_job.life import NOUN as JOB
from emulator.sagemaker.training_job.life import Claim, LeftPool
from emulator.sagemaker.training_job.machine import TrainingJobMachine
from emulator.sagemaker.training_job.warm_pool.machine import (
    NOUN,
    Claimed,
    Freed,
    Prolonged,
    WarmPool,
    WarmPoolMachine,
)
from emulator.state.store import AlreadyExists, Key, Resource

_MACHINE = WarmPoolMachine()

_RESOURCES = ("InstanceCount", "InstanceType", "VolumeKmsKeyId", "VolumeSizeInGB")
_SWITCHES = ("EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")


def life_of(pool: Resource) -> WarmPool:
    """The pool's life as it is stored."""
    return _MACHINE.load(pool.state)


def traits(request: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two jobs must have in common for one to use the other's pool (train-warm-pools, "matching")."""
    resources = request["ResourceConfig"]
    return (
        request["RoleArn"],
        *(resources.get(member) for member in _RESOURCES),
        resources.get("InstanceGroups"),
        request.get("VpcConfig"),
        *(bool(request.get(member)) for member in _SWITCHES),
    )


class Pools:
    """The warm pools of all accounts. Each is kept under the uid of the job that left it, as names are used again."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def retain(self, job: Resource) -> LeftPool | None:
        """Leave the job's instances to a pool, if it has not been done yet; the pool as the job shows it."""
        at, key = self._platform.clock.now(), Key(job.key.scope, NOUN, job.uid)
        arn = arns.sagemaker(job.key.scope, NOUN, job.uid)
        pool = Resource(key, uuid.uuid4().hex, arn, "Available", at, at, job.request)
        keep_alive = job.request["ResourceConfig"]["KeepAlivePeriodInSeconds"]
        with suppress(AlreadyExists):
            self._platform.supervisor.begin(pool, WarmPool("Available", at, keep_alive))
        made = self._platform.store.get(key)
        return life_of(made).left if made is not None else None

    def prolong(self, job: Resource, keep_alive: int) -> bool:
        """Keep the pool that the job left for another time since the job's end; whether it is there to be kept."""
        pool = self._platform.store.get(Key(job.key.scope, NOUN, job.uid))
        prolonged = self._platform.supervisor.post(pool, Prolonged(keep_alive)) if pool is not None else None
        if prolonged is None or life_of(prolonged).status != "Available":
            return False
        self.tell(prolonged)
        return True

    def tell(self, pool: Resource) -> None:
        """Let the job that left the pool know what has become of it."""
        present = self._platform.store.get(pool.key)
        job = self._platform.store.get(Key(pool.key.scope, JOB, pool.request["TrainingJobName"]))
        if present is not None and job is not None and job.uid == pool.key.name:
            self._platform.supervisor.post(job, PoolChanged(life_of(present).left))

    def claim(self, job: Resource) -> Claim | None:
        """Take over the oldest pool that matches the job, or find the one it has taken over already."""
        wanted = traits(job.request)
        for pool in self._platform.store.scan(NOUN, ("Available", "InUse")):
            if pool.key.scope == job.key.scope and traits(pool.request) == wanted and self._take(pool, job):
                return Claim(pool.key.name, pool.uid, life_of(pool).container if _same_image(pool, job) else None)
        return None

    def free(self, job: Resource) -> None:
        """The job needs no pool any longer: also not one that it took over before it could say so."""
        for pool in self._platform.store.scan(NOUN, ("InUse",)):
            if life_of(pool).used_by_uid == job.uid:
                self._platform.supervisor.post(pool, Freed(job.uid))

    def still_used(self, pool: Resource) -> bool:
        """Whether the job that took the pool over has not ended; it may have, in a crash, without giving it back."""
        life = life_of(pool)
        job = self._platform.store.get(Key(pool.key.scope, JOB, life.used_by or ""))
        return job is not None and job.uid == life.used_by_uid and job.status in TrainingJobMachine.living

    def _take(self, pool: Resource, job: Resource) -> bool:
        taken = self._platform.supervisor.post(pool, Claimed(job.key.name, job.uid))
        return taken is not None and life_of(taken).used_by_uid == job.uid


def _same_image(pool: Resource, job: Resource) -> bool:
    wanted, found = (one.request["AlgorithmSpecification"].get("TrainingImage") for one in (pool, job))
    return bool(wanted == found)
