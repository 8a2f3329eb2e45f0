"""What is refused of a request's channels."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.optml.rules import refusal

AUGMENTED = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a-ref"]}
GROUPS = [{"InstanceGroupName": "one", "InstanceType": "ml.m5.large", "InstanceCount": 1}]


VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


def request(
    mode: str = "File", *, groups: Any = None, file_system: bool = False, vpc: bool = True, **channel: Any
) -> dict[str, Any]:
    """A request with one channel; members of S3DataSource may be given as ``source``."""
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/d", **channel.pop("source", {})}
    data = {"FileSystemDataSource": {}} if file_system else {"S3DataSource": source}
    return {
        "AlgorithmSpecification": {"TrainingInputMode": mode},
        "ResourceConfig": {"InstanceGroups": groups} if groups else {},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": data, **channel}],
        **({"VpcConfig": VPC} if vpc else {}),
    }


def beside(name: str, mode: str, pipe: str = "train") -> dict[str, Any]:
    """A request with a Pipe channel, and with one called ``name``."""
    asked = request("Pipe")
    [channel] = asked["InputDataConfig"]
    other = {**channel, "ChannelName": name, "InputMode": mode}
    return {**asked, "InputDataConfig": [other, {**channel, "ChannelName": pipe}]}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (request(source=AUGMENTED), "AugmentedManifestFile can only be used in Pipe input mode, not in File mode."),
        (request("Pipe", InputMode="FastFile", source=AUGMENTED), "not in FastFile mode."),
        (request("Pipe", source={**AUGMENTED, "AttributeNames": []}), "AugmentedManifestFile needs AttributeNames."),
        (request("Pipe", source={"AttributeNames": ["a"]}), "AttributeNames can only be used with Augmented"),
        (request(CompressionType="Gzip"), "CompressionType can only be used in Pipe"),
        (request(RecordWrapperType="RecordIO"), "RecordWrapperType can only be used in Pipe"),
        (request("FastFile", file_system=True), "FileSystemDataSource can only be used in File"),
        (request(file_system=True, vpc=False), "FileSystemDataSource needs VpcConfig"),
        (request(source={"InstanceGroupNames": ["one"]}), "InstanceGroupNames needs InstanceGroups"),
        (request(groups=GROUPS, source={"InstanceGroupNames": ["one", "two"]}), "no instance group has: two."),
    ],
)
def test_what_the_service_does_not_take_is_refused_with_the_channels_name(asked: dict[str, Any], words: str) -> None:
    found = refusal(asked)
    assert found is not None
    assert found.startswith("Channel train: ")
    assert words in found


@pytest.mark.parametrize(
    "asked",
    [
        request(CompressionType="None", RecordWrapperType="None"),
        request("Pipe", CompressionType="Gzip", RecordWrapperType="RecordIO", source=AUGMENTED),
        request("FastFile", source={"S3DataType": "ManifestFile"}),
        request("Pipe", InputMode="File", file_system=True),
        request(groups=GROUPS, source={"InstanceGroupNames": ["one"]}),
        request(vpc=False),
        beside("train_00", "File"),
        beside("train_x", "File"),
        beside("train0", "File"),
        beside("0", "File"),
        {"AlgorithmSpecification": {}, "ResourceConfig": {}},
    ],
)
def test_what_the_service_takes_is_let_through(asked: dict[str, Any]) -> None:
    assert refusal(asked) is None


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
@pytest.mark.parametrize("epoch", ["0", "12"])
def test_a_channel_that_is_called_like_a_pipe_of_another_is_refused(mode: str, epoch: str) -> None:
    refused = refusal(beside(f"train_{epoch}", mode))
    assert refused == f"Channel train_{epoch}: the Pipe channel train has a pipe of that name, for epoch {epoch}."


def test_a_channel_may_be_called_so_where_nothing_is_piped() -> None:
    asked = beside("train_0", "File")
    asked["AlgorithmSpecification"]["TrainingInputMode"] = "File"
    assert refusal(asked) is None
