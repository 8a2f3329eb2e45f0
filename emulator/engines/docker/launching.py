"""Starts the containers of a cluster, all or none; a single container is a cluster of one.

Addresses are handed out before anything is made, so that every host knows the names of all when it starts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import docker
from docker.errors import APIError, DockerException

from emulator.engines import mounts
from emulator.engines.docker import container as containers
from emulator.engines.docker import ownership
from emulator.engines.docker.client import conflict, missing_container, says
from emulator.engines.docker.container import Image, Place
from emulator.engines.docker.facts import Facts
from emulator.engines.docker.network import Network
from emulator.engines.docker.sealed import SealedNetworks
from emulator.engines.docker.shield import Shields
from emulator.engines.port import EngineError, Handle, LaunchSpec

_ATTEMPTS = 20

# Where slirp4netns, rootless Docker's network, shows the host's loopback when RootlessKit allows it.
_ROOTLESS_HOST = "10.0.2.2"


# One name is launched once at a time; names that share a stripe wait for each other.
_STRIPES = 64


class Launcher:
    """Makes, finds and removes one emulator's containers. Methods raise what docker-py raises, and `EngineError`."""

    def __init__(self, client: docker.APIClient, facts: Facts, emulator_id: str, network: Network) -> None:
        self.network = network
        self.shields = Shields(client, facts, emulator_id)
        self._client = client
        self._facts = facts
        self._id = emulator_id
        self._sealed = SealedNetworks(client, emulator_id)
        self._launching = tuple(threading.Lock() for _ in range(_STRIPES))

    def launch(self, specs: Sequence[LaunchSpec], images: Sequence[Image]) -> list[Handle]:
        """Start the hosts, or find them when all were started; ``images`` are those of ``specs``, in their order."""
        with self._launching[hash(specs[0].name) % _STRIPES]:
            for _ in range(_ATTEMPTS):
                known = self._known(specs)
                if len(known) == len(specs) and all(_was_started(one) for one in known.values()):
                    return [containers.owned(known[spec.name], self._facts.native).handle for spec in specs]
                for one in known.values():
                    self.discard(one["Id"], one["Labels"][containers.CONTAINER])
                if (made := self._attempt(specs, images)) is not None:
                    return made
        raise EngineError(f"Docker could not start a container of {specs[0].image}: no free address on its network.")

    def discard(self, container: str, name: str, network: str | None = None) -> None:
        """Remove a container with its volumes, and its sealed network once nobody is left on it."""
        try:
            self._client.remove_container(container, v=True, force=True)
        except APIError as error:
            if not (conflict(error) or missing_container(error)):  # 409: somebody is removing it already
                raise
        self.shields.remove(name)
        if network is not None:
            self._sealed.remove(network)

    def sweep(self) -> None:
        """Remove what a crash left behind: volumes without a container, networks without one that runs."""
        self.shields.sweep({one["Labels"].get(containers.CONTAINER) for one in self.listed()})
        self._sealed.sweep()

    def listed(self, id: str | None = None) -> list[dict[str, Any]]:
        """What the engine says of this emulator's containers, running or not, or of the one with this id."""
        filters: dict[str, Any] = {"label": [containers.label(self._id)]} | ({"id": id} if id is not None else {})
        return list(self._client.containers(all=True, filters=filters))

    def host_address(self) -> str | None:
        """The address by which containers reach this machine; None where the engine resolves a name by itself."""
        if self._facts.native:
            return self.network.ensure().gateway
        return _ROOTLESS_HOST if self._facts.rootless else None

    def _known(self, specs: Sequence[LaunchSpec]) -> dict[str, dict[str, Any]]:
        """Those of the cluster's containers that exist, by name."""
        names = {spec.name for spec in specs}
        found = ((one["Labels"].get(containers.CONTAINER), one) for one in self.listed())
        return {name: one for name, one in found if name in names}

    def _attempt(self, specs: Sequence[LaunchSpec], images: Sequence[Image]) -> list[Handle] | None:
        """Start the hosts; None, and nothing is left of it, when another attempt is worth while."""
        places = self._places(specs)
        labels = [self._labels(spec, place) for spec, place in zip(specs, places, strict=True)]
        made: list[str] = []
        try:
            for spec, image, place, own in zip(specs, images, places, labels, strict=True):
                made.append(self._create(spec, image, place, own))
            for container, spec, image in zip(made, specs, images, strict=True):
                self._start(container, spec, image)
        except (DockerException, OSError) as error:  # a broken connection is an OSError, too
            self._take_back(made, specs, places)
            if isinstance(error, APIError) and self._passes(error, specs, places[0].network):
                return None
            raise
        return [self._handle(*one) for one in zip(made, images, places, labels, strict=True)]

    def _labels(self, spec: LaunchSpec, place: Place) -> dict[str, str]:
        returned = ownership.returned(spec) if self._facts.native else []
        return containers.labels(self._id, spec, place, returned)

    def _places(self, specs: Sequence[LaunchSpec]) -> list[Place]:
        """Where the hosts are to be. A single one that is cut off needs no network at all."""
        sealed = not specs[0].network
        if sealed and len(specs) == 1:
            return [Place(self.network.name, None, {})]
        if sealed:
            network, more = containers.container_name(self._id, specs[0].name), None
            addresses = self._sealed.make(network, len(specs))
        else:
            network, more = self.network.name, self.host_address()
            addresses = self.network.pick(len(specs))
        hosts = {spec.hostname: address for spec, address in zip(specs, addresses, strict=True)}
        hosts |= {containers.HOST_NAME: more} if more else {}
        return [Place(network, address, hosts, sealed) for address in addresses]

    def _create(self, spec: LaunchSpec, image: Image, place: Place, labels: dict[str, str]) -> str:
        mounts.make_points(spec)
        if image.foreign_user:
            ownership.open_to_all(spec)
        volumes = self.shields.make(spec)
        arguments = containers.create_arguments(
            self._client, facts=self._facts, spec=spec, image=image, place=place, volumes=volumes
        )
        made = self._client.create_container(
            **arguments,
            name=containers.container_name(self._id, spec.name),
            labels=labels,
        )
        return str(made["Id"])

    def _start(self, container: str, spec: LaunchSpec, image: Image) -> None:
        if image.foreign_user:
            self.shields.open_to_all(container, spec.shielded)
        self._client.start(container)

    def _take_back(self, made: Sequence[str], specs: Sequence[LaunchSpec], places: Sequence[Place]) -> None:
        """Remove the containers that were made, the last of which may have failed half-way, with what is theirs."""
        for container, spec in zip(made, specs, strict=False):
            self.discard(container, spec.name)
        for spec in specs[len(made) :]:
            self.shields.remove(spec.name)
        if places[0].sealed:
            self._sealed.remove(places[0].network)

    def _passes(self, error: APIError, specs: Sequence[LaunchSpec], network: str) -> bool:
        """Whether another attempt may fare better: an address or a name was taken meanwhile, or the network given
        up."""
        if conflict(error):
            self._refuse_strangers(specs)
            return True
        if says(error, f"network {network} not found", f"network {network} is ambiguous"):
            self.network.ensure(fresh=True)  # another emulator may have given it up, or is just making its own
            return True
        return says(error, "address already in use")

    def _refuse_strangers(self, specs: Iterable[LaunchSpec]) -> None:
        """Raise `EngineError` when a container that is not ours has the name of one of these."""
        for name in (containers.container_name(self._id, spec.name) for spec in specs):
            found = self._client.containers(all=True, filters={"name": [f"^/{name}$"]})
            if any((one["Labels"] or {}).get(containers.ID) != self._id for one in found):
                raise EngineError(
                    f"A container named {name} exists that is not this emulator's. Remove it with `docker rm -f`."
                )

    def _handle(self, container: str, image: Image, place: Place, own: dict[str, str]) -> Handle:
        return containers.handle(container, image.id, own, place.address if self._facts.native else None)


def _was_started(listed: dict[str, Any]) -> bool:
    return listed["State"] not in ("created", "removing")
