"""What CreateTrainingJob refuses before it answers: what the service model cannot say of a request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import regex

from emulator.aws.wire import Call
from emulator.errors import ValidationException
from emulator.optml import rules
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt, require_objects, require_role, require_s3_uri
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import file_systems
from emulator.sagemaker.training_job.life import DEFAULT_MAX_RUNTIME
from emulator.sinks import scrape

_LONGEST_RUNTIME = 28 * 86400

_INPUT, _OUTPUT = PurePosixPath("/opt/ml/input"), PurePosixPath("/opt/ml/output/data")
_OUTPUTS = ("DebugHookConfig", "TensorBoardOutputConfig")
_SYNCED = ("CheckpointConfig", *_OUTPUTS)


def _channels(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(request.get("InputDataConfig", ()))


def _asks_source(request: Mapping[str, Any]) -> bool:
    types = [one["DataSource"].get("S3DataSource", {}).get("S3DataType", "S3Prefix") for one in _channels(request)]
    return any(known not in ("S3Prefix", "ManifestFile", "AugmentedManifestFile") for known in types)


UNBUILT: tuple[Unbuilt, ...] = (
    ("AlgorithmName", lambda r: "AlgorithmName" in r.get("AlgorithmSpecification", ())),
    ("InstancePreferences", lambda r: "InstancePreferences" in r.get("ResourceConfig", ())),
    ("training plans", lambda r: "TrainingPlanArn" in r.get("ResourceConfig", ())),
    ("a data source of conversations", _asks_source),
    ("Debugger rules", lambda r: bool(r.get("DebugRuleConfigurations") or r.get("ProfilerRuleConfigurations"))),
    ("session chaining", lambda r: "SessionChainingConfig" in r and bool(r["SessionChainingConfig"])),
    ("serverless model customization", lambda r: "ServerlessJobConfig" in r),
)


def check(platform: Platform, call: Call) -> None:
    """Raises `ValidationException` in the service's words, or `NotBuilt`. A role may be made on its first use."""
    request = call.input
    _check_members(request)
    _check_algorithm(request["AlgorithmSpecification"])
    refuse_unbuilt("CreateTrainingJob", request, UNBUILT)
    _check_resources(request["ResourceConfig"])
    _check_time(request)
    _check_channels(request)
    _check_places(request)
    require_role(platform, request["RoleArn"])
    for number, channel in enumerate(_channels(request), start=1):
        _check_source(platform, call, number, channel)


def _check_source(platform: Platform, call: Call, number: int, channel: Mapping[str, Any]) -> None:
    if "FileSystemDataSource" in channel["DataSource"]:
        file_systems.require_directory(platform.settings, channel)
        return
    where = f"inputDataConfig.{number}.member.dataSource.s3DataSource.s3Uri"
    uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
    require_objects(platform, call.scope, uri, call.input["RoleArn"], where)


def _check_members(request: Mapping[str, Any]) -> None:
    """Only a serverless job, which is not built, can do without them, so the model does not require them."""
    missing = [member for member in ("AlgorithmSpecification", "ResourceConfig") if member not in request]
    if missing:
        refuse_unbuilt("CreateTrainingJob", request, UNBUILT)
        where = missing[0][0].lower() + missing[0][1:]
        raise ValidationException(
            f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: "
            "Member must not be null"
        )


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


def _check_resources(resources: Mapping[str, Any]) -> None:
    whole = {"InstanceType", "InstanceCount"}
    if {"SelectedInstanceType", "SelectedInstanceCount"} & resources.keys():  # so the API's documentation
        raise ValidationException("SelectedInstanceType and SelectedInstanceCount are read-only.")
    if not resources.get("InstanceGroups"):
        if not whole <= resources.keys():
            raise ValidationException("ResourceConfig must have InstanceType and InstanceCount, or InstanceGroups.")
        _check_count(resources["InstanceCount"], "resourceConfig.instanceCount")
        return
    if whole & resources.keys():
        raise ValidationException("ResourceConfig has either InstanceType and InstanceCount, or InstanceGroups.")
    names = [group.get("InstanceGroupName") for group in resources["InstanceGroups"]]
    if not all({*whole, "InstanceGroupName"} <= group.keys() for group in resources["InstanceGroups"]):
        raise ValidationException("Each instance group must have InstanceGroupName, InstanceType and InstanceCount.")
    if len(set(names)) < len(names):
        raise ValidationException("Names of instance groups must be unique.")
    for number, group in enumerate(resources["InstanceGroups"], start=1):
        _check_count(group["InstanceCount"], f"resourceConfig.instanceGroups.{number}.member.instanceCount")


def _check_count(count: int, where: str) -> None:
    if count < 1:  # the model allows 0, for clusters of instance groups
        raise ValidationException(
            f"1 validation error detected: Value '{count}' at '{where}' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )


def _check_time(request: Mapping[str, Any]) -> None:
    limits, spot = request.get("StoppingCondition", {}), request.get("EnableManagedSpotTraining", False)
    runtime, wait = limits.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME), limits.get("MaxWaitTimeInSeconds")
    if runtime > _LONGEST_RUNTIME:
        raise ValidationException("MaxRuntimeInSeconds can be at most 28 days (2419200 seconds).")
    if not spot and wait is not None:
        raise ValidationException("MaxWaitTimeInSeconds can be given only when EnableManagedSpotTraining is true.")
    if spot and wait is None:
        raise ValidationException("MaxWaitTimeInSeconds must be given when EnableManagedSpotTraining is true.")
    if wait is not None and wait < runtime:
        raise ValidationException(
            f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds "
            f"({runtime})."
        )


def _check_places(request: Mapping[str, Any]) -> None:
    """The S3 locations that are written to, and the absolute paths they are the picture of."""
    require_s3_uri(request["OutputDataConfig"]["S3OutputPath"], "outputDataConfig.s3OutputPath")
    for member, uri in (("CheckpointConfig", "S3Uri"), *((m, "S3OutputPath") for m in _OUTPUTS)):
        if (config := request.get(member)) is None:
            continue
        where = member[0].lower() + member[1:]
        require_s3_uri(config[uri], f"{where}.{uri[0].lower()}{uri[1:]}")
        if config.get("LocalPath") and not _is_place(config["LocalPath"]):
            raise ValidationException(
                f"{member}.LocalPath must be an absolute path that holds nothing of the job's input or output."
            )
    paths = [PurePosixPath(request[m]["LocalPath"]) for m in _SYNCED if request.get(m, {}).get("LocalPath")]
    if len(set(paths)) < len(paths):
        raise ValidationException(f"The LocalPath of {', '.join(_SYNCED)} must differ from each other.")


def _is_place(path: str) -> bool:
    """Whether a directory of the container's own can be at ``path``: not where it has its input, nor around that."""
    place = PurePosixPath(path)
    if not place.is_absolute() or ".." in place.parts or place.is_relative_to(_INPUT):
        return False
    return not any(own.is_relative_to(place) for own in (_INPUT, _OUTPUT))


def _check_channels(request: Mapping[str, Any]) -> None:
    for channel in _channels(request):
        if len(channel["DataSource"]) != 1:
            raise ValidationException(f"Channel {channel['ChannelName']} must have exactly one data source.")
    names = [channel["ChannelName"] for channel in _channels(request)]
    if {".", ".."} & set(names):  # the model's pattern lets them through; they name no directory of their own
        raise ValidationException("A channel cannot be called . or ..")
    if (refused := rules.refusal(request)) is not None:
        raise ValidationException(refused)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValidationException(f"Channel names must be unique; found more than once: {', '.join(twice)}.")
