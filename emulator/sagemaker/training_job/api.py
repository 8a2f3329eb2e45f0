"""The operations on training jobs."""

from __future__ import annotations

from functools import partial
from typing import Any

from emulator.aws.wire import Call, Handler
from emulator.errors import ValidationException
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.search.api import Searchable
from emulator.sagemaker.training_job import view
from emulator.sagemaker.training_job.create import create
from emulator.sagemaker.training_job.machine import NOUN, StopRequested
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
        raise ValidationException(f"The request was rejected because the training job is in status {resource.status}")
    platform.supervisor.post(resource, StopRequested())


def _delete(platform: Platform, call: Call) -> None:
    resource = _require(platform, call)
    if not view.life_of(resource).terminal:
        raise ValidationException(f"The request was rejected because the training job is in status {resource.status}")
    platform.store.delete(resource.key)
