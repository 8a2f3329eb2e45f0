"""CreateTrainingJob: the checks the service makes before it answers, and the record it leaves."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import regex

from emulator import arns
from emulator.aws.wire import Call
from emulator.errors import ResourceInUse, ValidationException
from emulator.sagemaker import tagging
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt, require_objects, require_role, require_s3_uri
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import limits
from emulator.sagemaker.training_job.machine import NOUN, begin
from emulator.sinks import scrape
from emulator.state.store import AlreadyExists, Key, Resource

DEFAULT_MAX_RUNTIME = 86400
"""Seconds, as the API documents for a request without StoppingCondition."""

_LONGEST_RUNTIME = 28 * 86400


def _channels(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(request.get("InputDataConfig", ()))


def _asks_mode(request: Mapping[str, Any]) -> bool:
    modes = [request["AlgorithmSpecification"].get("TrainingInputMode", "File")]
    modes = [channel.get("InputMode", modes[0]) for channel in _channels(request)] or modes
    return any(mode != "File" for mode in modes)


def _asks_source(request: Mapping[str, Any]) -> bool:
    sources = [channel["DataSource"] for channel in _channels(request)]
    return any(source.get("S3DataSource", {}).get("S3DataType") != "S3Prefix" for source in sources)


UNBUILT: tuple[Unbuilt, ...] = (
    ("more than one instance", lambda r: r["ResourceConfig"].get("InstanceCount", 1) > 1),
    ("instance groups", lambda r: bool(r["ResourceConfig"].get("InstanceGroups"))),
    ("warm pools (KeepAlivePeriodInSeconds)", lambda r: bool(r["ResourceConfig"].get("KeepAlivePeriodInSeconds"))),
    ("AlgorithmName", lambda r: "AlgorithmName" in r["AlgorithmSpecification"]),
    ("an input mode other than File", _asks_mode),
    ("a channel source other than S3Prefix", _asks_source),
    ("channel compression", lambda r: any(c.get("CompressionType", "None") != "None" for c in _channels(r))),
    ("ShuffleConfig", lambda r: any("ShuffleConfig" in c for c in _channels(r))),
    ("uncompressed model output", lambda r: r["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP"),
    ("managed spot training", lambda r: bool(r.get("EnableManagedSpotTraining"))),
    ("checkpoints", lambda r: "CheckpointConfig" in r),
    ("RetryStrategy", lambda r: "RetryStrategy" in r),
    ("Debugger rules", lambda r: bool(r.get("DebugRuleConfigurations") or r.get("ProfilerRuleConfigurations"))),
    ("serverless model customization", lambda r: "ServerlessJobConfig" in r),
)


def create(platform: Platform, call: Call) -> dict[str, Any]:
    """Check the request, store the job, start its life and answer with its ARN."""
    request = call.input
    _check(platform, call, request)
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
    life = begin(at, request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME))
    try:
        with limits.held(platform, call.scope, request):
            platform.supervisor.begin(resource, life, tagging.from_request(request.get("Tags", ())))
    except AlreadyExists as existing:
        raise _duplicate(str(existing.args[0])) from None
    return {"TrainingJobArn": resource.arn}


def _check(platform: Platform, call: Call, request: Mapping[str, Any]) -> None:
    existing = platform.store.get(Key(call.scope, NOUN, request["TrainingJobName"]))
    if existing is not None:
        raise _duplicate(existing.arn)
    _check_algorithm(request["AlgorithmSpecification"])
    _check_resources(request)
    _check_channels(request)
    if request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0) > _LONGEST_RUNTIME:
        raise ValidationException("MaxRuntimeInSeconds can be at most 28 days (2419200 seconds).")
    refuse_unbuilt("CreateTrainingJob", request, UNBUILT)
    require_s3_uri(request["OutputDataConfig"]["S3OutputPath"], "outputDataConfig.s3OutputPath")
    require_role(platform, request["RoleArn"])
    for number, channel in enumerate(_channels(request), start=1):
        where = f"inputDataConfig.{number}.member.dataSource.s3DataSource.s3Uri"
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        require_objects(platform, call.scope, uri, request["RoleArn"], where)


def _check_algorithm(algorithm: Mapping[str, Any]) -> None:
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise ValidationException("You must specify exactly one of TrainingImage and AlgorithmName.")
    for definition in algorithm.get("MetricDefinitions", ()):
        try:
            scrape.definitions([definition])
        except regex.error as error:
            raise ValidationException(
                f"Invalid MetricDefinitions: the Regex of {definition['Name']} is no regular expression: {error}"
            ) from None


def _check_resources(request: Mapping[str, Any]) -> None:
    resources = request["ResourceConfig"]
    if "InstanceGroups" not in resources and not {"InstanceType", "InstanceCount"} <= resources.keys():
        raise ValidationException("ResourceConfig must have InstanceType and InstanceCount, or InstanceGroups.")
    if resources.get("InstanceCount", 1) < 1:  # the model allows 0, for clusters of instance groups
        raise ValidationException(
            "1 validation error detected: Value '0' at 'resourceConfig.instanceCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )


def _check_channels(request: Mapping[str, Any]) -> None:
    for channel in _channels(request):
        if len(channel["DataSource"]) != 1:
            raise ValidationException(f"Channel {channel['ChannelName']} must have exactly one data source.")
    names = [channel["ChannelName"] for channel in _channels(request)]
    if {".", ".."} & set(names):  # the model's pattern lets them through; they name no directory of their own
        raise ValidationException("A channel cannot be called . or ..")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValidationException(f"Channel names must be unique; found more than once: {', '.join(twice)}.")


def _duplicate(arn: str) -> ResourceInUse:
    return ResourceInUse(
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({arn})"
    )
