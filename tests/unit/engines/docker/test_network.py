from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

from emulator.engines.docker.network import free_subnets, host_routes

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


def test_routes_of_the_host_are_read_without_the_default_route(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(TABLE)
    assert host_routes(tmp_path / "route") == [IPv4Network("172.17.0.0/16")]


def test_a_system_without_such_a_table_has_no_routes_to_avoid(tmp_path: Path) -> None:
    assert host_routes(tmp_path / "route") == []


def test_free_subnets_overlap_nothing_taken() -> None:
    taken = [IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/20")]
    found = list(islice(free_subnets(taken), 50))
    assert len(set(found)) == 50
    assert not any(subnet.overlaps(other) for subnet in found for other in taken)


def test_when_every_private_address_is_taken_none_is_free() -> None:
    assert list(free_subnets([IPv4Network("0.0.0.0/0")])) == []
