"""The operations on training jobs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator.aws.wire import Call, Handler
from emulator.errors import ValidationException
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import view
from emulator.sagemaker.training_job.create import create
from emulator.sagemaker.training_job.events import StopRequested
from emulator.sagemaker.training_job.life import NOUN
from emulator.sagemaker.training_job.warm_pool.machine import Prolonged, WarmPool
from emulator.sagemaker.training_job.warm_pool.pools import Pools, life_of
from emulator.state.store import Key, Resource

UPDATES_UNBUILT: tuple[Unbuilt, ...] = (
    ("profiler configurations", lambda r: "ProfilerConfig" in r or "ProfilerRuleConfigurations" in r),
    ("RemoteDebugConfig", lambda r: "RemoteDebugConfig" in r),
)


class TrainingJobs:
    """What each operation does."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._pools = Pools(platform)
        self._listing = Listing(NOUN, "TrainingJobSummaries", self._summary, descending=False)

    def describe(self, call: Call) -> Mapping[str, Any]:
        """DescribeTrainingJob."""
        return self.shown(self._require(call))

    def shown(self, resource: Resource) -> dict[str, Any]:
        """A job as DescribeTrainingJob and Search show it."""
        return view.describe(resource, self._pool(resource), self._platform.settings.spot_price)

    def list(self, call: Call) -> dict[str, Any]:
        """ListTrainingJobs."""
        if "TrainingPlanArnEquals" in call.input:  # there are no plans, so no job has one
            return {self._listing.member: []}
        return self._listing.page(self._platform.store, call.scope, call.input)

    def stop(self, call: Call) -> None:
        """StopTrainingJob."""
        resource = self._require(call)
        if view.life_of(resource).terminal:
            raise _in_status(resource)
        self._platform.supervisor.post(resource, StopRequested())

    def update(self, call: Call) -> dict[str, Any]:
        """UpdateTrainingJob: how long the warm pool that a job left is kept."""
        resource = self._require(call)
        refuse_unbuilt("UpdateTrainingJob", call.input, UPDATES_UNBUILT)
        if "ResourceConfig" in call.input:
            self._prolong(resource, call.input["ResourceConfig"]["KeepAlivePeriodInSeconds"])
        return {"TrainingJobArn": resource.arn}

    def delete(self, call: Call) -> None:
        """DeleteTrainingJob."""
        resource = self._require(call)
        if not view.life_of(resource).terminal:
            raise _in_status(resource)
        pool = self._pools.of(resource)
        if pool is not None and pool.status == "Available":
            raise ValidationException(
                "The request was rejected because the training job retains an Available warm pool"
            )
        self._platform.store.delete(resource.key)
        self._pools.forget(resource)

    def _prolong(self, resource: Resource, keep_alive: int) -> None:
        pool = self._pools.of(resource)
        prolonged = self._platform.supervisor.post(pool, Prolonged(keep_alive)) if pool is not None else None
        if prolonged is None or life_of(prolonged).status != "Available":
            raise ValidationException(
                "KeepAlivePeriodInSeconds can be updated only while the training job's warm pool is Available."
            )

    def _summary(self, resource: Resource) -> Mapping[str, Any]:
        return view.summary(resource, self._pool(resource))

    def _pool(self, resource: Resource) -> WarmPool | None:
        if not resource.request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
            return None
        pool = self._pools.of(resource)
        return life_of(pool) if pool is not None else None

    def _require(self, call: Call) -> Resource:
        resource = self._platform.store.get(Key(call.scope, NOUN, call.input["TrainingJobName"]))
        if resource is None:
            raise ValidationException("Requested resource not found.")
        return resource


def operations(platform: Platform) -> dict[str, Handler]:
    """The handlers of the training job operations."""
    jobs = TrainingJobs(platform)
    return {
        "CreateTrainingJob": partial(create, platform),
        "DescribeTrainingJob": jobs.describe,
        "ListTrainingJobs": jobs.list,
        "StopTrainingJob": jobs.stop,
        "UpdateTrainingJob": jobs.update,
        "DeleteTrainingJob": jobs.delete,
    }


def _in_status(resource: Resource) -> ValidationException:
    return ValidationException(f"The request was rejected because the training job is in status {resource.status}")
