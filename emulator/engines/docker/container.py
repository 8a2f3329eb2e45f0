"""A `LaunchSpec` as the engine's create request, and a container of the engine as a handle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import docker
from docker.types import LogConfig, Mount

from emulator.engines.docker.facts import Facts
from emulator.engines.mounts import ML
from emulator.engines.port import Handle, LaunchSpec, Owned

ID = "sagemaker-emulator.id"
CONTAINER = "sagemaker-emulator.name"
_ML = "sagemaker-emulator.ml"
_WRITTEN = "sagemaker-emulator.written"
_USERS = "sagemaker-emulator.users"
_NETWORK = "sagemaker-emulator.network"
_PORT = "sagemaker-emulator.port"
_OWN = (ID, CONTAINER, _ML, _WRITTEN, _USERS, _NETWORK, _PORT)

HOST_NAME = "host.docker.internal"

# Docker's default set less what an image of a job has no use for: raw sockets (spoofing on our network) and device
# nodes. AUDIT_WRITE, SYS_CHROOT and SETUID stay: training images run sshd for MPI, which dies without them.
_DROPPED = ["NET_RAW", "MKNOD"]

# Enough for any framework's threads, and a fork bomb still ends before the machine does.
_PROCESSES = 8192

# A name that nobody can know keeps a program waiting for ten seconds otherwise.
_GIVE_UP_SOON = ["timeout:1", "attempts:1"]

# Rotation loses lines under a follower. The daemon's own defaults are merged in unless the very option is given,
# and "none" cannot be said, so the limit is one nobody reaches. Removing the container frees the file.
_LOG = {"max-size": "1p"}


@dataclass(frozen=True, slots=True)
class Image:
    """An image as the engine knows it. ``user`` is whom it names to run as (empty: root); ``run_as`` overrides it,
    which only first-party images are made for."""

    tag: str
    id: str
    first_party: bool
    user: str
    run_as: str | None = None

    @property
    def foreign_user(self) -> bool:
        """Whether its programs run as a user that this machine need not know."""
        return bool(self.user) and self.run_as is None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container will be: the network, its fixed address (None: no network) and the names it knows.
    ``sealed``: the network is its cluster's alone and leads nowhere."""

    network: str
    address: str | None
    hosts: Mapping[str, str]
    sealed: bool = False


def label(emulator_id: str) -> str:
    """The label, as a filter, of every container of this emulator."""
    return f"{ID}={emulator_id}"


def container_name(emulator_id: str, name: str) -> str:
    """What the container is called in Docker: unique on the machine, readable in ``docker ps``."""
    return f"sagemaker-emulator-{emulator_id}-{name}"


def labels(emulator_id: str, spec: LaunchSpec, place: Place, returned: Sequence[Path] = ()) -> dict[str, str]:
    """Everything a restarted emulator needs to make the handle again.

    ``returned`` are directories of the user's in which what the container makes is to become the user's.
    """
    written = [str(mount.source.absolute()) for mount in spec.mounts if not (mount.read_only or mount.users)]
    ours = {ID: emulator_id, CONTAINER: spec.name, _ML: str(spec.ml.absolute())}
    ours |= {_WRITTEN: json.dumps(written)} if written else {}
    ours |= {_USERS: json.dumps([str(folder.absolute()) for folder in returned])} if returned else {}
    ours |= {_NETWORK: place.network} if place.sealed else {}
    ours |= {_PORT: str(spec.port)} if spec.port else {}
    return {**spec.labels, **ours}


def create_arguments(
    client: docker.APIClient,
    *,
    facts: Facts,
    spec: LaunchSpec,
    image: Image,
    place: Place,
    volumes: Mapping[str, str],
) -> dict[str, Any]:
    """Keyword arguments of ``APIClient.create_container`` but for name and labels; ``volumes`` of shielded children."""
    published = spec.port is not None and not facts.native
    return {
        "image": image.tag,
        "command": list(spec.arguments) or None,
        "entrypoint": list(spec.entrypoint) or None,
        "environment": _environment(spec, facts),
        "hostname": spec.hostname,
        "user": image.run_as,
        "ports": [(spec.port, "tcp")] if published else None,
        # SageMaker does not run an image's HEALTHCHECK; a process now and then in the container would be a surprise.
        "healthcheck": {"test": ["NONE"]},
        "networking_config": _networking(client, place),
        "host_config": client.create_host_config(
            **_host(facts, spec, place, published), mounts=mounts(spec, volumes), init=image.first_party
        ),
    }


def handle(container: str, image: str, own: Mapping[str, str], ip: str | None) -> Handle:
    """The handle of a container with the labels ``own``; ``ip`` is its address when the host can reach it directly."""
    port = own.get(_PORT)
    return {
        "engine": "docker",
        "emulator": own[ID],
        "id": container,
        "name": own.get(CONTAINER, ""),
        "image": image,
        "ml": own.get(_ML, ""),
        "written": json.loads(own.get(_WRITTEN, "[]")),
        "users": json.loads(own.get(_USERS, "[]")),
        "network": own.get(_NETWORK),
        "port": int(port) if port else None,
        "ip": ip,
    }


def owned(listed: Mapping[str, Any], native: bool) -> Owned:
    """What the engine's list says of one of our containers."""
    own: Mapping[str, str] = listed["Labels"]
    found = handle(listed["Id"], listed["ImageID"], own, _listed_address(listed) if native else None)
    rest = {key: value for key, value in own.items() if key not in _OWN}
    return Owned(own.get(CONTAINER, ""), found, rest, listed["State"] == "running")


def mounts(spec: LaunchSpec, volumes: Mapping[str, str]) -> list[Mount]:
    """Each child of ``spec.ml``: its volume where it has one, else a bind mount, whose source must be there. Then what
    is shown on top of them; the engine mounts what is deeper later."""
    on_top = {PurePosixPath(mount.inside) for mount in spec.mounts}
    children = sorted(entry.name for entry in os.scandir(spec.ml) if ML / entry.name not in on_top)
    return [
        *(_mount(spec.ml.absolute() / child, volumes.get(child)) for child in children),
        *(
            Mount(mount.inside, str(mount.source.absolute()), type="bind", read_only=mount.read_only)
            for mount in spec.mounts
        ),
    ]


def _mount(child: Path, volume: str | None) -> Mount:
    inside = str(ML / child.name)
    return Mount(inside, str(child), type="bind") if volume is None else Mount(inside, volume, type="volume")


def _host(facts: Facts, spec: LaunchSpec, place: Place, published: bool) -> dict[str, Any]:
    return {
        "network_mode": "none" if place.address is None else place.network,
        "extra_hosts": dict(place.hosts) or None,
        # Docker's resolver asks this one for what it does not know, from within the container's network: nobody
        # listens there. Without it some versions ask the host's own, outside (CVE-2024-29018).
        "dns": [place.address] if place.sealed else None,
        "dns_opt": _GIVE_UP_SOON if place.sealed else None,
        "port_bindings": {spec.port: ("127.0.0.1", None)} if published else None,
        "log_config": LogConfig(type=LogConfig.types.JSON, config=_LOG),
        "pids_limit": _PROCESSES,
        "cap_drop": _DROPPED,
        # label=disable: with SELinux a bind mount of a home directory is closed to containers, and relabelling the
        # user's files instead would outlive the job.
        "security_opt": ["no-new-privileges", *(["label=disable"] if facts.selinux else [])],
        **_limits(facts, spec),
    }


def _limits(facts: Facts, spec: LaunchSpec) -> dict[str, Any]:
    """CPUs and memory, never more than the engine's machine has: the engine refuses more CPUs with an error."""
    if not facts.limits:
        return {}
    memory = min(spec.memory, facts.memory) if spec.memory else None
    return {
        "nano_cpus": round(min(spec.cpus, facts.cpus) * 1e9) if spec.cpus else None,
        "mem_limit": memory,
        "memswap_limit": memory,  # no swap: an instance has none
        # An instance's /dev/shm is half of its memory, as Linux makes it; Docker's 64 MB break data loaders.
        "shm_size": memory // 2 if memory else None,
    }


def _environment(spec: LaunchSpec, facts: Facts) -> dict[str, str]:
    """The image sees all of the host's CPUs; OpenMP with a thread for each is slow beyond measure under a limit."""
    if spec.cpus is None or spec.cpus >= facts.cpus:
        return dict(spec.environment)
    return {"OMP_NUM_THREADS": str(max(1, int(spec.cpus))), **spec.environment}


def _networking(client: docker.APIClient, place: Place) -> Any:
    if place.address is None:
        return None
    endpoint = client.create_endpoint_config(ipv4_address=place.address)
    return client.create_networking_config({place.network: endpoint})  # type: ignore[arg-type]  # the stub is wrong


def _listed_address(listed: Mapping[str, Any]) -> str | None:
    """The fixed address, which is also known of a container that has ended."""
    networks: Mapping[str, Mapping[str, Any]] = listed["NetworkSettings"]["Networks"]
    fixed = ((network.get("IPAMConfig") or {}).get("IPv4Address") for network in networks.values())
    return next((address for address in fixed if address), None)
