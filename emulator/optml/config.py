"""The JSON files below ``/opt/ml/input/config`` that tell a training container about its job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.optml.cluster import Cluster, Host

CHECKPOINTS = "/opt/ml/checkpoints"
"""Where a container finds and leaves checkpoints when the request does not say."""

_INTERFACE = "eth0"


def write(directory: Path, request: Mapping[str, Any], cluster: Cluster, host: Host) -> None:
    """Write what ``host`` is told of a CreateTrainingJob request."""
    _write(directory / "hyperparameters.json", request.get("HyperParameters", {}))
    _write(directory / "inputdataconfig.json", input_data(request, cluster, host))
    _write(directory / "resourceconfig.json", resources(cluster, host))
    if "CheckpointConfig" in request:
        _write(directory / "checkpointconfig.json", {"LocalPath": CHECKPOINTS, **request["CheckpointConfig"]})


def input_data(request: Mapping[str, Any], cluster: Cluster, host: Host) -> dict[str, dict[str, str]]:
    """Name to properties of each channel that ``host`` gets; ContentType only where the request gives one."""
    return {
        channel["ChannelName"]: _channel(channel, mode_of(request, channel))
        for channel in request.get("InputDataConfig", ())
        if host in cluster.receivers(channel)
    }


def mode_of(request: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """File, FastFile or Pipe: the channel's own input mode, or else the job's."""
    mode: str = channel.get("InputMode", request["AlgorithmSpecification"].get("TrainingInputMode", "File"))
    return mode


def _channel(channel: Mapping[str, Any], mode: str) -> dict[str, str]:
    source = channel["DataSource"].get("S3DataSource", {})
    properties = {
        "TrainingInputMode": mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        properties["ContentType"] = channel["ContentType"]
    return properties


def resources(cluster: Cluster, host: Host) -> dict[str, Any]:
    """The content of resourceconfig.json on ``host``."""
    return {
        "current_host": host.name,
        "current_instance_type": host.instance_type,
        "current_group_name": host.group,
        "hosts": cluster.names,
        "instance_groups": [
            {
                "instance_group_name": name,
                "instance_type": members[0].instance_type,
                "hosts": sorted(member.name for member in members),
            }
            for name, members in cluster.groups.items()
        ],
        "network_interface_name": _INTERFACE,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
