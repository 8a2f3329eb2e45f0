"""The operations on training jobs."""

from __future__ import annotations

from functools import partial
from typing import Any

from emulator.aws.wire import Call, Handler
from emulator.errors import ValidationException
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.search.api import Searchable
from emulator.sagemaker.training_job import view
from emulator.sagemaker.training_job.create import create
from emulator.sagemaker.training_job.events import StopRequested
from emulator.sagemaker.training_job.life import NOUN
from emulator.sagemaker.training_job.warm_pool.pools import Pools
from emulator.state.store import Key, Resource

LISTING = Listing(
    NOUN,
    "TrainingJobSummaries",
    view.summary,
    descending=False,
    facts={
        "WarmPoolStatusEquals": "WarmPoolStatus.Status",
        "TrainingPlanArnEquals": "ResourceConfig.TrainingPlanArn",
    },
)

UPDATES_UNBUILT: tuple[Unbuilt, ...] = (
    ("profiler configurations", lambda r: "ProfilerConfig" in r or "ProfilerRuleConfigurations" in r),
    ("RemoteDebugConfig", lambda r: "RemoteDebugConfig" in r),
)


def _found_by(resource: Resource) -> dict[str, Any]:
    # Of the metrics that the service itself defines for a built-in algorithm there are dozens, the same for each job.
    return {**view.describe(resource), "AlgorithmSpecification": resource.request["AlgorithmSpecification"]}


SEARCHABLE = Searchable("TrainingJob", NOUN, view.describe, _found_by)


def operations(platform: Platform) -> dict[str, Handler]:
    """The handlers of the training job operations."""
    return {
        "CreateTrainingJob": partial(create, platform),
        "DescribeTrainingJob": lambda call: view.describe(_require(platform, call)),
        "ListTrainingJobs": lambda call: LISTING.page(platform.store, call.scope, call.input),
        "StopTrainingJob": partial(_stop, platform),
        "UpdateTrainingJob": partial(_update, platform),
        "DeleteTrainingJob": partial(_delete, platform),
    }


def _require(platform: Platform, call: Call) -> Resource:
    resource = platform.store.get(Key(call.scope, NOUN, call.input["TrainingJobName"]))
    if resource is None:
        raise ValidationException("Requested resource not found.")
    return resource


def _stop(platform: Platform, call: Call) -> None:
    resource = _require(platform, call)
    if view.life_of(resource).terminal:
        raise _in_status(resource)
    platform.supervisor.post(resource, StopRequested())


def _update(platform: Platform, call: Call) -> dict[str, Any]:
    """How long the warm pool that the job left is kept is all that can be changed here."""
    resource = _require(platform, call)
    refuse_unbuilt("UpdateTrainingJob", call.input, UPDATES_UNBUILT)
    asked = call.input.get("ResourceConfig")
    if asked is not None and not Pools(platform).prolong(resource, asked["KeepAlivePeriodInSeconds"]):
        raise ValidationException(
            "KeepAlivePeriodInSeconds can be updated only while the training job's warm pool is Available."
        )
    return {"TrainingJobArn": resource.arn}


def _delete(platform: Platform, call: Call) -> None:
    resource = _require(platform, call)
    life = view.life_of(resource)
    if not life.terminal:
        raise _in_status(resource)
    if life.left is not None and life.left.status == "Available":
        raise ValidationException("The request was rejected because the training job retains an Available warm pool.")
    platform.store.delete(resource.key)


def _in_status(resource: Resource) -> ValidationException:
    return ValidationException(f"The request was rejected because the training job is in status {resource.status}")
