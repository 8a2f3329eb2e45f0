"""What training jobs count against SageMaker's quotas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from emulator.arns import Scope
from emulator.optml.cluster import Cluster
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.quotas import TOTALS, usage
from emulator.sagemaker.training_job.life import NOUN
from emulator.sagemaker.training_job.machine import TrainingJobMachine
from emulator.sagemaker.training_job.warm_pool.machine import NOUN as POOL
from emulator.sagemaker.training_job.warm_pool.pools import traits

_POOL_USE = "training warm pool"


def held(platform: Platform, scope: Scope, request: Mapping[str, Any]) -> AbstractContextManager[None]:
    """While a job of this request is stored: refuse it, or hold off others. Raises `ResourceLimitExceeded`."""
    return platform.quotas.held(scope, instances(request), partial(_used, platform, scope, request))


def instances(request: Mapping[str, Any]) -> Counter[str]:
    """The instances of a job by quota, that of its type first. A spot job counts as that alone.

    That a job which keeps its instances warm counts against the quota of warm pools from its beginning is unverified.
    """
    resources = request["ResourceConfig"]
    use = "spot training job" if request.get("EnableManagedSpotTraining") else "training job"
    types = Counter(host.instance_type for host in Cluster.of(resources).hosts)
    found = Counter({usage(each, use): count for each, count in types.items()})
    if resources.get("KeepAlivePeriodInSeconds"):
        found.update(_kept(request))
    found[TOTALS[use]] = types.total()
    return found


def _kept(request: Mapping[str, Any]) -> Counter[str]:
    """The instances of a job as those of a warm pool, by quota."""
    return Counter(usage(host.instance_type, _POOL_USE) for host in Cluster.of(request["ResourceConfig"]).hosts)


def _used(platform: Platform, scope: Scope, request: Mapping[str, Any]) -> Counter[str]:
    """The instances of the jobs that have not ended, and of the warm pools but one that a job of ``request`` takes."""
    found: Counter[str] = Counter()
    jobs = [job for job in platform.store.scan(NOUN, TrainingJobMachine.living) if job.key.scope == scope]
    for job in jobs:
        found.update(instances(job.request))
    # A job that leaves its pool just now is counted with it already.
    for left in _left(platform, scope, request, {job.uid for job in jobs}):
        found.update(_kept(left))
    return found


def _left(
    platform: Platform, scope: Scope, request: Mapping[str, Any], living: Collection[str]
) -> list[Mapping[str, Any]]:
    """The requests of the jobs, not of ``living`` uids, that left an Available pool; less one matching ``request``."""
    pools = [pool for pool in platform.store.scan(POOL, ("Available",)) if pool.key.scope == scope]
    left = [pool.request for pool in pools if pool.key.name not in living]
    matching = next((one for one in left if traits(one) == traits(request)), None)
    return [one for one in left if one is not matching]
