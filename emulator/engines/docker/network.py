"""The emulator's own bridge network.

Containers get fixed addresses, handed out here, so that their names can be written into ``/etc/hosts`` before they
start. The network belongs to every emulator on the machine: a network for each job would cost 0.27 s a job, and the
engine's default address pools end at about thirty networks. On its gateway containers reach the emulator, and the
local network does not.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import chain, islice
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from emulator.engines.docker.client import says, translated
from emulator.engines.port import EngineError

NAME = "sagemaker-emulator"

# Large blocks first; a /20 has room for 4000 containers, so that random addresses seldom meet.
_POOLS = ("10.192.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
_PREFIX = 20
ATTEMPTS = 10
FULL = "Docker has no free address range left for the emulator's network: `docker network prune`."


@dataclass(frozen=True, slots=True)
class Bridge:
    """The network as it is: its id, addresses, and the gateway, which is the host."""

    id: str
    subnet: IPv4Network
    gateway: str


class Network:
    """Makes, finds and gives up the network. Methods may be called from any thread."""

    def __init__(self, client: docker.APIClient, name: str = NAME) -> None:
        self._client = client
        self.name = name
        self._bridge: Bridge | None = None
        self._lock = threading.Lock()

    def ensure(self, fresh: bool = False) -> Bridge:
        """The network, made when it is not there; ``fresh`` looks again even if it was known."""
        with self._lock:
            if self._bridge is None or fresh:
                with translated("make the emulator's network"):
                    self._bridge = self._find() or self._make(self._bridge)
            return self._bridge

    def pick(self, count: int = 1) -> list[str]:
        """Different addresses that are probably free; the engine refuses one in use when the container starts."""
        bridge = self.ensure()
        numbers = random.sample(range(2, bridge.subnet.num_addresses - 1), count + 1)
        addresses = (str(bridge.subnet[number]) for number in numbers)
        return list(islice((address for address in addresses if address != bridge.gateway), count))

    def release(self) -> None:
        """Remove the network unless somebody uses it."""
        with self._lock:
            if self._bridge is None:
                return
            try:
                self._client.remove_network(self._bridge.id)
            except APIError as error:
                if not says(error, "active endpoints", "not found"):
                    raise
            self._bridge = None

    def _find(self) -> Bridge | None:
        """The network by name. The engine allows a name twice, so two emulators that start at once may both have
        made one: the oldest counts."""
        same = sorted(self._named(), key=lambda network: (network["Created"], network["Id"]))
        return _bridge(same[0]) if same else None

    def _named(self) -> list[dict[str, Any]]:
        return [network for network in self._client.networks(names=[self.name]) if network["Name"] == self.name]

    def _make(self, earlier: Bridge | None) -> Bridge:
        """Make the network, with the subnet it had if it was removed meanwhile: the emulator listens on its gateway."""
        wanted = [earlier.subnet] if earlier else []
        for subnet in islice(chain(wanted, free_subnets(taken(self._client))), ATTEMPTS):
            if (made := create(self._client, self.name, subnet, labels={"sagemaker-emulator": "network"})) is not None:
                return self._settle(made)
            if (found := self._find()) is not None:  # another emulator was faster
                return found
        raise EngineError(FULL)

    def _settle(self, made: str) -> Bridge:
        bridge = self._find()
        if bridge is None:
            raise EngineError("Docker removed the emulator's network as soon as it was made; try again.")
        if bridge.id != made:
            self._client.remove_network(made)
        return bridge


def create(client: docker.APIClient, name: str, subnet: IPv4Network, **options: Any) -> str | None:
    """Make a bridge network; answers its id, or None when somebody has addresses of ``subnet`` already."""
    pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
    try:
        made = client.create_network(name, driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), **options)
    except APIError as error:
        if not says(error, "overlap"):
            raise
        return None
    return str(made["Id"])


def taken(client: docker.APIClient) -> list[IPv4Network]:
    """The subnets that somebody on this machine uses."""
    return [*_subnets(client.networks()), *host_routes()]


def free_subnets(
    used: Collection[IPv4Network], pools: Iterable[str] = _POOLS, prefix: int = _PREFIX
) -> Iterator[IPv4Network]:
    """Private subnets that overlap none of those ``used``."""
    for pool in pools:
        for subnet in IPv4Network(pool).subnets(new_prefix=prefix):
            if not any(subnet.overlaps(other) for other in used):
                yield subnet


def host_routes(table: Path = Path("/proc/net/route")) -> list[IPv4Network]:
    """The networks this host has routes to, the default route aside: the engine does not look at them itself."""
    if not table.exists():
        return []
    rows = (line.split() for line in table.read_text().splitlines()[1:])
    routes = [(_dotted(row[1]), _dotted(row[7])) for row in rows if len(row) > 7]
    networks = [IPv4Network(f"{address}/{mask}", strict=False) for address, mask in routes]
    return [network for network in networks if network.prefixlen > 0]


def _dotted(little_endian: str) -> str:
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(little_endian)))


def _subnets(networks: Iterable[dict[str, Any]]) -> Iterator[IPv4Network]:
    for network in networks:
        for config in network["IPAM"].get("Config") or ():
            if "." in config.get("Subnet", ""):
                yield IPv4Network(config["Subnet"], strict=False)


def _bridge(network: dict[str, Any]) -> Bridge:
    config = network["IPAM"]["Config"][0]
    subnet = IPv4Network(config["Subnet"])
    return Bridge(str(network["Id"]), subnet, str(config.get("Gateway") or subnet[1]))
