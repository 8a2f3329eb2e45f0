"""How the hosts of a cluster meet."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sagemaker_container.errors import AlgorithmError, UserError
from sagemaker_container.meeting import PORT, HostFailed, meet

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on every loopback address")

PATIENCE = 20.0


@pytest.fixture
def hosts() -> list[str]:
    network = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"
    return [f"{network}.{number}" for number in (1, 2, 3)]


def talk(hosts: Sequence[str], me: str) -> list[dict[str, int]]:
    with meet(hosts, me, PATIENCE) as meeting:
        return [meeting.exchange(number + hosts.index(me)) for number in (0, 10)]


def all_of(hosts: Sequence[str]) -> list[Future[list[dict[str, int]]]]:
    with ThreadPoolExecutor(len(hosts)) as threads:
        return [threads.submit(talk, hosts, me) for me in hosts]


def test_every_host_learns_what_all_have_said(hosts: list[str]) -> None:
    expected = [dict(zip(hosts, numbers, strict=True)) for numbers in ((0, 1, 2), (10, 11, 12))]
    assert [future.result() for future in all_of(hosts)] == [expected] * 3


@pytest.mark.parametrize("missing", [0, 2])
def test_a_host_that_does_not_come_is_named(hosts: list[str], missing: int) -> None:
    with pytest.raises(AlgorithmError, match=hosts[missing]):
        meet([hosts[0], hosts[missing] if missing else hosts[1]], hosts[1 if missing == 0 else 0], patience=0.3)


def test_a_name_that_is_never_known_is_named() -> None:
    with pytest.raises(AlgorithmError, match=r"algo-1\.invalid cannot be reached"):
        meet(["algo-1.invalid", "algo-2.invalid"], "algo-2.invalid", patience=0.3)


@pytest.mark.parametrize("says", [b'"somebody"\n', b"GET / HTTP/1.1\n", b"[]\n", b""])
def test_a_stranger_at_the_door_is_turned_away(hosts: list[str], says: bytes) -> None:
    with ThreadPoolExecutor() as threads:
        leader = threads.submit(talk, hosts[:2], hosts[0])
        while True:
            try:
                stranger = socket.create_connection((hosts[0], PORT), PATIENCE)
                break
            except ConnectionRefusedError:
                continue
        with stranger:
            stranger.sendall(says)
            stranger.settimeout(PATIENCE)
            assert stranger.recv(1) == b""
        talk(hosts[:2], hosts[1])
        assert leader.result()[0] == dict(zip(hosts[:2], (0, 1), strict=True))


@pytest.mark.parametrize("broken", [0, 1])
def test_the_failure_of_one_host_is_told_to_the_others(hosts: list[str], broken: int) -> None:
    def fail() -> None:
        with meet(hosts, hosts[broken], PATIENCE):
            raise UserError("unreadable")

    with ThreadPoolExecutor() as threads:
        threads.submit(fail)
        others = [threads.submit(talk, hosts, me) for me in hosts if me != hosts[broken]]
    for other in others:
        with pytest.raises(HostFailed, match=f"^Host {hosts[broken]} failed: unreadable$"):
            other.result()
