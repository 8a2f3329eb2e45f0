"""Leaving instances to a warm pool, finding one that matches, taking it over and giving it back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from emulator import arns
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job.life import Claim
from emulator.sagemaker.training_job.warm_pool.machine import (
    NOUN,
    Claimed,
    Freed,
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

    def of(self, job: Resource) -> Resource | None:
        """The pool that a job left, whatever became of it."""
        return self._platform.store.get(Key(job.key.scope, NOUN, job.uid))

    def retain(self, job: Resource) -> None:
        """Leave the job's instances to a pool; done twice, there is still one."""
        at = self._platform.clock.now()
        pool = Resource(
            key=Key(job.key.scope, NOUN, job.uid),
            uid=uuid.uuid4().hex,
            arn=arns.sagemaker(job.key.scope, NOUN, job.uid),
            status="Available",
            created_at=at,
            modified_at=at,
            request=job.request,
        )
        keep_alive = job.request["ResourceConfig"]["KeepAlivePeriodInSeconds"]
        try:
            self._platform.supervisor.begin(pool, WarmPool("Available", at, keep_alive))
        except AlreadyExists:
            return

    def claim(self, job: Resource) -> Claim | None:
        """Take over the oldest pool that matches the job, or find the one it has taken over already."""
        wanted = traits(job.request)
        for pool in self._platform.store.scan(NOUN, _MACHINE.living):
            if pool.key.scope == job.key.scope and traits(pool.request) == wanted and self._take(pool, job):
                return Claim(pool.key.name, pool.uid, life_of(pool).container if _same_image(pool, job) else None)
        return None

    def free(self, job: Resource, claim: Claim) -> None:
        """The job needs the pool no longer."""
        pool = self._platform.store.get(Key(job.key.scope, NOUN, claim.name))
        if pool is not None and pool.uid == claim.uid:
            self._platform.supervisor.post(pool, Freed(job.uid))

    def forget(self, job: Resource) -> None:
        """Drop what is known of the pool of a job that is deleted; one that another job uses stays for its sake."""
        pool = self.of(job)
        if pool is not None and pool.status not in _MACHINE.living:
            self._platform.store.delete(pool.key)

    def _take(self, pool: Resource, job: Resource) -> bool:
        taken = self._platform.supervisor.post(pool, Claimed(job.key.name, job.uid))
        return taken is not None and life_of(taken).used_by_uid == job.uid


def _same_image(pool: Resource, job: Resource) -> bool:
    images = [resource.request["AlgorithmSpecification"].get("TrainingImage") for resource in (pool, job)]
    return images[0] == images[1]
