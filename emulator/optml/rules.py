"""What the service refuses of a request's channels when a training job is created; the service model cannot say it.

The rules are those of the API's documentation; AWS's own words for them are not known, so these are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.optml.config import mode_of

Document = Mapping[str, Any]


_EPOCH = re.compile(r"0|[1-9]\d*", re.ASCII)


def refusal(request: Document) -> str | None:
    """The first thing that is wrong with the channels of a CreateTrainingJob request, or None."""
    return next(_problems(request), None)


def _problems(request: Document) -> Iterator[str]:
    for channel in request.get("InputDataConfig", ()):
        mode = mode_of(request, channel)
        for rule in _RULES:
            if problem := rule(channel, mode):
                yield f"Channel {channel['ChannelName']}: {problem}"
        for problem in (_groups(channel, request["ResourceConfig"]), _network(channel, request)):
            if problem:
                yield f"Channel {channel['ChannelName']}: {problem}"
    yield from _pipes(request)


def _augmented(channel: Document, mode: str) -> str | None:
    source = _s3(channel)
    augmented, names = source.get("S3DataType") == "AugmentedManifestFile", source.get("AttributeNames")
    if augmented and mode != "Pipe":
        return f"AugmentedManifestFile can only be used in Pipe input mode, not in {mode} mode."
    if augmented and not names:
        return "AugmentedManifestFile needs AttributeNames."
    if names and not augmented:
        return "AttributeNames can only be used with AugmentedManifestFile."
    return None


def _compression(channel: Document, mode: str) -> str | None:
    if channel.get("CompressionType", "None") != "None" and mode != "Pipe":
        return f"CompressionType can only be used in Pipe input mode, not in {mode} mode."
    return None


def _wrapper(channel: Document, mode: str) -> str | None:
    if channel.get("RecordWrapperType", "None") != "None" and mode != "Pipe":
        return f"RecordWrapperType can only be used in Pipe input mode, not in {mode} mode."
    return None


def _file_system(channel: Document, mode: str) -> str | None:
    if "FileSystemDataSource" in channel["DataSource"] and mode != "File":
        return f"FileSystemDataSource can only be used in File input mode, not in {mode} mode."
    return None


_RULES: tuple[Callable[[Document, str], str | None], ...] = (_augmented, _compression, _wrapper, _file_system)
"""Each looks at one channel and its input mode. FastFile takes manifests: the documentation excludes only augmented
ones."""


def _groups(channel: Document, resources: Document) -> str | None:
    wanted = _s3(channel).get("InstanceGroupNames") or ()
    groups = [group["InstanceGroupName"] for group in resources.get("InstanceGroups") or ()]
    if wanted and not groups:
        return "InstanceGroupNames needs InstanceGroups in ResourceConfig."
    unknown = [name for name in wanted if name not in groups]
    if unknown:
        return f"InstanceGroupNames has names that no instance group has: {', '.join(unknown)}."
    return None


def _network(channel: Document, request: Document) -> str | None:
    if "FileSystemDataSource" in channel["DataSource"] and not request.get("VpcConfig"):
        return "FileSystemDataSource needs VpcConfig: the service reaches a file system through its VPC only."
    return None


def _pipes(request: Document) -> Iterator[str]:
    """Channels that are called as a pipe of another one will be: ``c_0`` beside the Pipe channel ``c``."""
    channels = request.get("InputDataConfig", ())
    piped = {channel["ChannelName"] for channel in channels if mode_of(request, channel) == "Pipe"}
    for name in (channel["ChannelName"] for channel in channels):
        other, _, epoch = name.rpartition("_")
        if other in piped and _EPOCH.fullmatch(epoch):
            yield f"Channel {name}: the Pipe channel {other} has a pipe of that name, for epoch {epoch}."


def _s3(channel: Document) -> Document:
    source: Document = channel["DataSource"].get("S3DataSource", {})
    return source
