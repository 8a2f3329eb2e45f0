from __future__ import annotations

import os
from typing import Any

import pytest

from emulator.engines.docker import facts

SOCKET = "unix:///var/run/docker.sock"


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")


def info(**changes: Any) -> dict[str, Any]:
    base = {
        "ServerVersion": "27.1",
        "NCPU": 4,
        "MemTotal": 8,
        "KernelVersion": os.uname().release,
        "OperatingSystem": "Debian",
        "SecurityOptions": ["name=seccomp,profile=default"],
        "CgroupDriver": "systemd",
    }
    return {**base, **changes}


def test_an_engine_on_this_kernel_is_native() -> None:
    known = facts.read(info(), SOCKET)
    assert (known.version, known.cpus, known.memory) == ("27.1", 4, 8)
    assert known.native
    assert known.local
    assert known.advice == ""


@pytest.mark.parametrize(
    "changes", [{"KernelVersion": "6.6-linuxkit"}, {"OperatingSystem": "Docker Desktop"}], ids=["machine", "desktop"]
)
def test_an_engine_in_a_virtual_machine_is_not_native(changes: dict[str, Any]) -> None:
    known = facts.read(info(**changes), SOCKET)
    assert known.local
    assert not known.native


def test_rootless_is_not_native_and_warned_of() -> None:
    known = facts.read(info(SecurityOptions=["name=seccomp", "name=rootless"], CgroupDriver="none"), SOCKET)
    assert not known.native
    assert not known.limits
    assert "limits are not enforced" in known.advice


def test_selinux_is_seen() -> None:
    assert facts.read(info(SecurityOptions=["name=selinux"]), SOCKET).selinux


@pytest.mark.parametrize("url", ["tcp://10.0.0.5:2375", "ssh://me@host"])
def test_an_engine_elsewhere_cannot_be_used(url: str) -> None:
    known = facts.read(info(), url)
    assert not known.local
    assert not known.native
    assert "DOCKER_HOST" in known.advice


def test_tcp_on_loopback_is_this_machine() -> None:
    assert facts.read(info(), "tcp://127.0.0.1:2375").native
