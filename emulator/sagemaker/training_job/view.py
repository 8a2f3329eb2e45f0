"""What DescribeTrainingJob and ListTrainingJobs show of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.optml.s3uri import S3Uri, parse
from emulator.sagemaker.training_job.builtin import metric_definitions
from emulator.sagemaker.training_job.life import DEFAULT_MAX_RUNTIME, SecondaryStatus, TrainingJob
from emulator.sagemaker.training_job.machine import TrainingJobMachine
from emulator.state.store import Resource

_MACHINE = TrainingJobMachine()


def life_of(resource: Resource) -> TrainingJob:
    """The job's life as it is stored."""
    return _MACHINE.load(resource.state)


def output_location(resource: Resource) -> S3Uri:
    """``<S3OutputPath>/<job>/output``, where the archives go."""
    base = parse(resource.request["OutputDataConfig"]["S3OutputPath"])
    assert base is not None, "the output path was checked when the job was created"
    return base.join(resource.key.name, "output")


def model_location(resource: Resource) -> S3Uri:
    """Where the model goes: an archive, or the prefix of its files."""
    packed = resource.request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP"
    return output_location(resource).join("model.tar.gz" if packed else "model/")


def describe(resource: Resource) -> dict[str, Any]:
    """The reply of DescribeTrainingJob; absent members are those the job has not earned."""
    life = life_of(resource)
    return {
        **resource.request,
        **_defaults(resource.request),
        "TrainingJobArn": resource.arn,
        "TrainingJobStatus": life.status,
        "SecondaryStatus": life.secondary,
        "SecondaryStatusTransitions": [_transition(entry) for entry in life.history],
        # The service names the artifact from the start; it exists once the job has uploaded it.
        "ModelArtifacts": {"S3ModelArtifacts": str(model_location(resource))},
        "CreationTime": resource.created_at,
        "LastModifiedTime": resource.modified_at,
        **_earned(life),
        **_warm_pool_status(life),
        **_kept_alive(resource.request, life),
    }


def _defaults(request: Mapping[str, Any]) -> dict[str, Any]:
    definitions = metric_definitions(request)
    algorithm = dict(request["AlgorithmSpecification"])
    if definitions:
        algorithm["MetricDefinitions"] = definitions
    channels = [_channel(channel) for channel in request.get("InputDataConfig", ())]
    return {
        **({"InputDataConfig": channels} if channels else {}),
        "AlgorithmSpecification": algorithm,
        # The service shows an empty key where none was given, and SDK v2 relies on it.
        "OutputDataConfig": {"KmsKeyId": "", **request["OutputDataConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME, **request.get("StoppingCondition", {})},
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        "EnableInterContainerTrafficEncryption": request.get("EnableInterContainerTrafficEncryption", False),
        "EnableManagedSpotTraining": request.get("EnableManagedSpotTraining", False),
    }


def _channel(channel: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"CompressionType": "None", "RecordWrapperType": "None", **channel}
    if "S3DataSource" not in channel["DataSource"]:
        return shown
    source = {"S3DataDistributionType": "FullyReplicated", **channel["DataSource"]["S3DataSource"]}
    return {**shown, "DataSource": {"S3DataSource": source}}


def _earned(life: TrainingJob) -> dict[str, Any]:
    earned = {
        "FailureReason": life.reason,
        "TrainingStartTime": life.started_at,
        "TrainingEndTime": life.ended_at,
        "TrainingTimeInSeconds": life.seconds,
        "BillableTimeInSeconds": life.billable_seconds,
        "FinalMetricDataList": [
            {"MetricName": metric.name, "Value": metric.value, "Timestamp": metric.at} for metric in life.metrics
        ],
    }
    return {member: value for member, value in earned.items() if value not in (None, [])}


def _warm_pool_status(life: TrainingJob) -> dict[str, Any]:
    if life.left is None:
        using = not life.terminal and (life.terms.keep_alive > 0 or life.pool is not None)
        return {"WarmPoolStatus": {"Status": "InUse"}} if using else {}
    status = {
        "Status": life.left.status,
        "ResourceRetainedBillableTimeInSeconds": life.left.billable_seconds,
        "ReusedByJob": life.left.reused_by,
    }
    return {"WarmPoolStatus": {member: value for member, value in status.items() if value is not None}}


def _kept_alive(request: Mapping[str, Any], life: TrainingJob) -> dict[str, Any]:
    """The retention that UpdateTrainingJob may have changed."""
    if life.left is None:
        return {}
    return {"ResourceConfig": {**request["ResourceConfig"], "KeepAlivePeriodInSeconds": life.left.keep_alive}}


def _transition(entry: SecondaryStatus) -> dict[str, Any]:
    shown = {"Status": entry.status, "StartTime": entry.start, "StatusMessage": entry.message}
    return shown if entry.end is None else {**shown, "EndTime": entry.end}


def summary(resource: Resource) -> dict[str, Any]:
    """One TrainingJobSummary."""
    life = life_of(resource)
    shown = {
        "TrainingJobName": resource.key.name,
        "TrainingJobArn": resource.arn,
        "CreationTime": resource.created_at,
        "LastModifiedTime": resource.modified_at,
        "TrainingJobStatus": life.status,
        "SecondaryStatus": life.secondary,
        **_warm_pool_status(life),
    }
    return shown if life.ended_at is None else {**shown, "TrainingEndTime": life.ended_at}
