"""The JSON files below ``/opt/ml/input/config`` that tell a training container about its job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GROUP = "homogeneousCluster"
"""The name AWS gives the one instance group of a cluster of equal instances."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The hosts of a job as one of them sees it."""

    current_host: str
    hosts: Sequence[str]
    instance_type: str
    interface: str = "eth0"


def write(directory: Path, request: Mapping[str, Any], cluster: Cluster) -> None:
    """Write hyperparameters.json, inputdataconfig.json and resourceconfig.json for a CreateTrainingJob request."""
    _write(directory / "hyperparameters.json", request.get("HyperParameters", {}))
    _write(directory / "inputdataconfig.json", input_data(request))
    _write(directory / "resourceconfig.json", resources(cluster))


def input_data(request: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Channel name to its properties; ContentType only where the request gives one."""
    default_mode = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    return {channel["ChannelName"]: _channel(channel, default_mode) for channel in request.get("InputDataConfig", ())}


def _channel(channel: Mapping[str, Any], default_mode: str) -> dict[str, str]:
    source = channel["DataSource"].get("S3DataSource", {})
    properties = {
        "TrainingInputMode": channel.get("InputMode", default_mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        properties["ContentType"] = channel["ContentType"]
    return properties


def resources(cluster: Cluster) -> dict[str, Any]:
    """The content of resourceconfig.json."""
    hosts = sorted(cluster.hosts)
    group = {"instance_group_name": GROUP, "instance_type": cluster.instance_type, "hosts": hosts}
    return {
        "current_host": cluster.current_host,
        "current_instance_type": cluster.instance_type,
        "current_group_name": GROUP,
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": cluster.interface,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
