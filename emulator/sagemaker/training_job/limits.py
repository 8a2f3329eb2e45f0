"""What training jobs count against SageMaker's quotas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from emulator.arns import Scope
from emulator.optml.cluster import Cluster
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.quotas import TOTALS, usage
from emulator.sagemaker.training_job.life import NOUN
from emulator.sagemaker.training_job.machine import TrainingJobMachine


def held(platform: Platform, scope: Scope, request: Mapping[str, Any]) -> AbstractContextManager[None]:
    """While a job of this request is stored: refuse it, or hold off others. Raises `ResourceLimitExceeded`."""
    return platform.quotas.held(scope, instances(request), partial(_used, platform, scope))


def instances(request: Mapping[str, Any]) -> Counter[str]:
    """The instances of a job by quota, that of its type first. A spot job counts as that alone.

    That a job which keeps its instances warm counts against the quota of warm pools from its beginning is unverified.
    """
    resources = request["ResourceConfig"]
    use = "spot training job" if request.get("EnableManagedSpotTraining") else "training job"
    types = Counter(host.instance_type for host in Cluster.of(resources).hosts)
    found = Counter({usage(each, use): count for each, count in types.items()})
    if resources.get("KeepAlivePeriodInSeconds"):
        found.update({usage(each, "training warm pool"): count for each, count in types.items()})
    found[TOTALS[use]] = types.total()
    return found


def _used(platform: Platform, scope: Scope) -> Counter[str]:
    """The instances of the jobs that have not ended."""
    found: Counter[str] = Counter()
    for resource in platform.store.scan(NOUN, TrainingJobMachine.living):
        if resource.key.scope == scope:
            found.update(instances(resource.request))
    return found
