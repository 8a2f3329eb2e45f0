"""The hosts of a training job: ``algo-1`` to ``algo-N``, in one group or in several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

GROUP = "homogeneousCluster"
"""The name AWS gives the one instance group of a cluster of equal instances."""


@dataclass(frozen=True, slots=True)
class Host:
    """One instance of a job, and the group it belongs to."""

    name: str
    group: str
    instance_type: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Every host of a job, numbered through all groups in the request's order."""

    hosts: tuple[Host, ...]

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> Self:
        """The cluster that a request's ResourceConfig asks for."""
        whole = {
            "InstanceGroupName": GROUP,
            "InstanceType": resources.get("InstanceType"),
            "InstanceCount": resources.get("InstanceCount"),
        }
        groups = resources.get("InstanceGroups") or [whole]
        members = [group for group in groups for _ in range(group["InstanceCount"])]
        return cls(
            tuple(
                Host(f"algo-{number}", group["InstanceGroupName"], group["InstanceType"])
                for number, group in enumerate(members, start=1)
            )
        )

    @property
    def names(self) -> list[str]:
        """The hosts' names as AWS sorts them: as texts, ``algo-10`` before ``algo-2``."""
        return sorted(host.name for host in self.hosts)

    @property
    def groups(self) -> dict[str, list[Host]]:
        """The hosts of each group, in the request's order."""
        found: dict[str, list[Host]] = {}
        for host in self.hosts:
            found.setdefault(host.group, []).append(host)
        return found

    def receivers(self, channel: Mapping[str, Any]) -> tuple[Host, ...]:
        """The hosts that get a channel: those of its InstanceGroupNames, or all."""
        wanted = channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames")
        return tuple(host for host in self.hosts if not wanted or host.group in wanted)
