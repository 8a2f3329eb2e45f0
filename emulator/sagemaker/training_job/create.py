"""CreateTrainingJob: the record it leaves."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from emulator import arns
from emulator.aws.wire import Call
from emulator.errors import ResourceInUse
from emulator.optml.cluster import Cluster
from emulator.sagemaker import tagging
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import limits
from emulator.sagemaker.training_job.checks import check
from emulator.sagemaker.training_job.life import DEFAULT_MAX_RUNTIME, NOUN, Terms
from emulator.sagemaker.training_job.machine import begin
from emulator.state.store import AlreadyExists, Key, Resource

_ACCELERATED = re.compile(r"ml\.(p|g|trn)\d")
"""The instance types whose jobs MaxPendingTimeInSeconds is about, by the API's documentation."""


def create(platform: Platform, call: Call) -> dict[str, Any]:
    """Check the request, store the job, start its life and answer with its ARN."""
    request = call.input
    _refuse_duplicate(platform, call)
    check(platform, call)
    name, at = request["TrainingJobName"], platform.clock.now()
    resource = Resource(
        key=Key(call.scope, NOUN, name),
        uid=uuid.uuid4().hex,
        arn=arns.sagemaker(call.scope, NOUN, name),
        status="InProgress",
        created_at=at,
        modified_at=at,
        request={member: value for member, value in request.items() if member != "Tags"},
    )
    life = begin(
        at,
        terms(request, platform.settings.spot_price),
        request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0),
    )
    try:
        with limits.held(platform, call.scope, request):
            platform.supervisor.begin(resource, life, tagging.from_request(request.get("Tags", ())))
    except AlreadyExists as existing:
        raise _duplicate(str(existing.args[0])) from None
    return {"TrainingJobArn": resource.arn}


def terms(request: Mapping[str, Any], spot_price: float) -> Terms:
    """What a request lays down of the job's life."""
    limits, resources = request.get("StoppingCondition", {}), request["ResourceConfig"]
    cluster, spot = Cluster.of(resources), bool(request.get("EnableManagedSpotTraining"))
    accelerated = any(_ACCELERATED.match(host.instance_type) for host in cluster.hosts)
    return Terms(
        hosts=tuple(host.name for host in cluster.hosts),
        max_runtime=limits.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME),
        max_wait=limits.get("MaxWaitTimeInSeconds") if spot else None,
        max_pending=limits.get("MaxPendingTimeInSeconds") if accelerated else None,
        spot=spot,
        spot_price=spot_price if spot else 1.0,
        keep_alive=resources.get("KeepAlivePeriodInSeconds", 0),
    )


def _refuse_duplicate(platform: Platform, call: Call) -> None:
    existing = platform.store.get(Key(call.scope, NOUN, call.input["TrainingJobName"]))
    if existing is not None:
        raise _duplicate(existing.arn)


def _duplicate(arn: str) -> ResourceInUse:
    return ResourceInUse(
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({arn})"
    )
