"""Networks for clusters without one: the hosts of a cluster reach each other and nobody else.

The engine lets nothing out of an internal network, and the bridge has no address of its own, at which containers would
otherwise reach whatever this machine serves on all its addresses.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from ipaddress import IPv4Network
from itertools import islice
from typing import Any

import docker
from docker.errors import APIError

from emulator.engines.docker import container as containers
from emulator.engines.docker.client import says
from emulator.engines.docker.network import ATTEMPTS, FULL, create, free_subnets, taken
from emulator.engines.port import EngineError

# Far from where the emulator's own network is made: many small ones would leave it no gap to come back to.
_POOLS = ("10.240.0.0/12", "172.16.0.0/12", "192.168.0.0/16")
_LONGEST_PREFIX = 28
_RESERVED = 3
"""Addresses that no host can have: the network's, the gateway's and the broadcast address."""

_OPTIONS = {"com.docker.network.bridge.inhibit_ipv4": "true"}


class SealedNetworks:
    """The sealed networks of one emulator, one for each cluster. Methods raise what docker-py raises."""

    def __init__(self, client: docker.APIClient, emulator_id: str) -> None:
        self._client = client
        self._id = emulator_id
        self._lock = threading.Lock()

    def make(self, name: str, hosts: int) -> list[str]:
        """Make a network afresh; answers an address on it for each host."""
        labels = {containers.ID: self._id}
        with self._lock:  # else clusters that start at once would all try the same addresses
            self.remove(name)
            free = free_subnets(taken(self._client), _POOLS, prefix(hosts))
            for subnet in islice(free, ATTEMPTS):
                if create(self._client, name, subnet, internal=True, options=_OPTIONS, labels=labels) is not None:
                    return _addresses(subnet, hosts)
        raise EngineError(FULL)

    def remove(self, name: str) -> None:
        """Remove the network unless a container on it runs; one that is not there, or not ours, is left alone."""
        self._remove(network for network in self._listed() if network["Name"] == name)

    def sweep(self) -> None:
        """Remove every network on which no container runs: a crash left it, or all of its cluster have ended."""
        self._remove(self._listed())

    def _listed(self) -> list[dict[str, Any]]:
        return list(self._client.networks(filters={"label": [containers.label(self._id)]}))

    def _remove(self, networks: Iterable[dict[str, Any]]) -> None:
        for network in networks:
            try:
                self._client.remove_network(network["Id"])
            except APIError as error:
                if not says(error, "active endpoints", "not found"):
                    raise


def prefix(hosts: int) -> int:
    """The length of the prefix of the smallest subnet, /28 at most, that has room for ``hosts``."""
    return min(_LONGEST_PREFIX, 32 - (hosts + _RESERVED - 1).bit_length())


def _addresses(subnet: IPv4Network, hosts: int) -> list[str]:
    return [str(subnet[2 + number]) for number in range(hosts)]
