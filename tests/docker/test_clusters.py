"""Clusters with a real Docker Engine: all hosts or none, side by side, cut off, and what a crash leaves of them."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from emulator.engines.docker import DockerEngine
from emulator.engines.docker.sealed import prefix
from emulator.engines.port import EngineError, Handle, LaunchSpec
from emulator.engines.reaper import reap
from tests.docker import program_image

pytestmark = pytest.mark.docker

Cluster = Callable[..., list[LaunchSpec]]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A job's hosts, one for each of the given arguments of the program."""

    def make(*programs: tuple[str, ...], name: str = "job", **options: Any) -> list[LaunchSpec]:
        specs = []
        for number, arguments in enumerate(programs, 1):
            ml = tmp_path / name / str(number)
            (ml / "input").mkdir(parents=True)
            host = f"algo-{number}"
            specs.append(LaunchSpec(f"{name}-{host}", program_image.IMAGE, ml, arguments, hostname=host, **options))
        return specs

    return make


def networks(client: docker.APIClient, identity: str) -> list[str]:
    """The emulator's networks but for the one that all emulators share."""
    return [found["Name"] for found in client.networks(filters={"label": f"sagemaker-emulator.id={identity}"})]


def said(engine: DockerEngine, handle: Handle) -> list[str]:
    return [line.text for line in engine.logs(handle)]


def test_clusters_side_by_side_have_the_same_names_and_meet_only_their_own(
    engine: DockerEngine, cluster: Cluster
) -> None:
    names = ("one", "two")
    asking = [engine.launch_all(cluster(("serve", name), ("meet", "8080", "algo-1"), name=name))[1] for name in names]
    assert [said(engine, handle) for handle in asking] == [["algo-1 one"], ["algo-1 two"]]


def test_a_cluster_that_runs_is_found_by_a_new_engine(engine: DockerEngine, cluster: Cluster, identity: str) -> None:
    specs = cluster(("ignore_term",), ("end", "5"))
    handles = engine.launch_all(specs)
    engine.wait(handles[1])
    after = DockerEngine(identity, network=identity)
    assert after.launch_all(specs) == handles
    assert len(engine.owned()) == 2
    after.close()


@pytest.mark.parametrize("network", [True, False])
def test_a_cluster_of_which_a_part_is_missing_is_started_anew(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, network: bool
) -> None:
    specs = cluster(("ignore_term",), ("meet", "8080", "algo-3"), ("serve",), network=network)
    first = engine.launch_all(specs)
    client.remove_container(first[2]["id"], force=True)
    second = engine.launch_all(specs)
    assert said(engine, second[1]) == ["algo-3 algo-3"]
    assert not {handle["id"] for handle in first} & {handle["id"] for handle in second}
    assert len(engine.owned()) == 3


def test_a_cluster_of_which_a_part_was_never_started_is_started_anew(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str
) -> None:
    specs = cluster(("ignore_term",), ("end", "4"))
    first = engine.launch(specs[0])
    labels = {"sagemaker-emulator.id": identity, "sagemaker-emulator.name": specs[1].name}
    client.create_container(program_image.IMAGE, name=f"sagemaker-emulator-{identity}-{specs[1].name}", labels=labels)
    handles = engine.launch_all(specs)
    assert handles[0]["id"] != first["id"]
    assert engine.wait(handles[1]).code == 4


@pytest.mark.parametrize("network", [True, False])
def test_when_one_host_cannot_start_nothing_is_left_of_the_others(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str, network: bool
) -> None:
    *hosts, last = cluster(("ignore_term",), ("ignore_term",), ("end", "0"), network=network)
    with pytest.raises(EngineError, match="no such program"):
        engine.launch_all([*hosts, replace(last, entrypoint=("no-such-program",))])
    assert engine.owned() == []
    assert networks(client, identity) == []


def test_a_stranger_with_the_name_of_a_host_is_left_alone(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str
) -> None:
    specs = cluster(("ignore_term",), ("ignore_term",))
    name = f"sagemaker-emulator-{identity}-{specs[1].name}"
    stranger = client.create_container(program_image.IMAGE, name=name)
    try:
        with pytest.raises(EngineError, match=f"{name} exists"):
            engine.launch_all(specs)
        assert engine.owned() == []
    finally:
        client.remove_container(stranger["Id"])


def test_hosts_whose_address_was_taken_get_others(
    engine: DockerEngine, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = engine._open().network
    (first,) = engine.launch_all(cluster(("ignore_term",), name="first"))
    free = [str(network.ensure().subnet[number]) for number in (70, 71, 72)]
    answers = iter([[free[0], first["ip"]], free[1:]])
    monkeypatch.setattr(network, "pick", lambda _: next(answers))
    second = engine.launch_all(cluster(("serve",), ("meet", "8080", "algo-1"), name="second"))
    assert [handle["ip"] for handle in second] == free[1:]
    assert said(engine, second[1]) == ["algo-1 algo-1"]
    assert len(engine.owned()) == 3


def test_hosts_without_a_network_reach_each_other_by_name(engine: DockerEngine, cluster: Cluster) -> None:
    handles = engine.launch_all(cluster(("serve",), ("meet", "8080", "algo-1", "algo-1"), network=False))
    assert said(engine, handles[1]) == ["algo-1 algo-1"] * 2


def reaches(client: docker.APIClient, handle: Handle, host: str, port: int) -> bool:
    script = f"import socket; socket.create_connection(({host!r}, {port}), timeout=1)"
    made = client.exec_create(handle["id"], ["python3", "-c", script])["Id"]
    output = client.exec_start(made).decode()
    code = client.exec_inspect(made)["ExitCode"]
    assert code == 0 or "timed out" in output or "No route to host" in output or "unreachable" in output, output
    return bool(code == 0)


def test_hosts_without_a_network_reach_nothing_but_each_other(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str
) -> None:
    (open_,) = engine.launch_all(cluster(("serve",), name="open"))
    sealed, peer = engine.launch_all(cluster(("ignore_term",), ("serve",), network=False))
    assert [next(iter(engine.logs(handle))).text for handle in (open_, peer)] == ["listening"] * 2
    (network,) = client.networks(filters={"label": f"sagemaker-emulator.id={identity}"})
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        machine = own_addresses()
        assert str(engine.prepare()) in machine
        assert all(reaches(client, open_, address, port) for address in machine)
        gateway = network["IPAM"]["Config"][0]["Gateway"]
        assert not any(reaches(client, sealed, address, port) for address in (gateway, *machine))
    assert not reaches(client, sealed, open_["ip"], 8080)
    assert not reaches(client, sealed, "1.1.1.1", 53)
    assert reaches(client, sealed, "algo-2", 8080)


def own_addresses() -> list[str]:
    """This machine's IPv4 addresses."""
    told = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    return [address for address in told if "." in address]


def test_a_sealed_network_goes_with_the_last_of_its_containers(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str
) -> None:
    first, second = engine.launch_all(cluster(("ignore_term",), ("ignore_term",), network=False))
    assert len(networks(client, identity)) == 1
    engine.remove(first)
    assert len(networks(client, identity)) == 1
    engine.remove(second)
    assert networks(client, identity) == []


def test_a_sealed_network_is_removed_by_a_reaper_after_a_restart(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str
) -> None:
    engine.launch_all(cluster(("ignore_term",), ("ignore_term",), network=False))
    after = DockerEngine(identity, network=identity)
    after.prepare()
    assert len(networks(client, identity)) == 1
    assert len(reap(after, lambda _: False)) == 2
    assert networks(client, identity) == []
    after.close()


def test_a_sealed_network_that_a_crash_left_is_removed_by_the_next_engine(
    engine: DockerEngine, client: docker.APIClient, identity: str
) -> None:
    client.create_network(f"left-{identity}", labels={"sagemaker-emulator.id": identity})
    after = DockerEngine(identity, network=identity)
    after.prepare()
    assert networks(client, identity) == []
    after.close()


def test_sealed_clusters_do_not_use_up_the_engines_address_pools(
    engine: DockerEngine, cluster: Cluster, client: docker.APIClient, identity: str
) -> None:
    for number in range(3):
        engine.launch_all(cluster(("ignore_term",), ("ignore_term",), name=f"job-{number}", network=False))
    found = client.networks(filters={"label": f"sagemaker-emulator.id={identity}"})
    subnets = {network["IPAM"]["Config"][0]["Subnet"] for network in found}
    assert len(subnets) == 3
    assert {subnet.partition("/")[2] for subnet in subnets} == {"28"}


@pytest.mark.parametrize(("hosts", "length"), [(2, 28), (13, 28), (14, 27), (29, 27), (30, 26), (1000, 22)])
def test_a_sealed_network_is_as_small_as_its_hosts_allow(hosts: int, length: int) -> None:
    assert prefix(hosts) == length
