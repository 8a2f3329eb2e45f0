"""What kind of engine answers, as far as it decides how containers are reached and whose files they write."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Facts:
    """One Docker Engine's description of itself."""

    version: str
    cpus: int
    memory: int
    """Bytes of RAM of the engine's machine."""
    local: bool
    """The engine sees this machine's files (bind mounts work)."""
    native: bool
    """Containers run on this very kernel and network: their addresses can be reached, their uids are the host's."""
    rootless: bool
    selinux: bool
    limits: bool
    """The engine can limit memory and CPUs."""

    @property
    def advice(self) -> str:
        """What a user should know about this engine; empty when there is nothing to say."""
        if not self.local:
            return (
                "the engine runs on another machine and cannot see this machine's files. Unset DOCKER_HOST to use a "
                "local engine, or use `--engine process`."
            )
        if self.rootless:
            return (
                "rootless Docker: containers reach the emulator only when RootlessKit allows it "
                "(DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false)"
                + ("" if self.limits else ", and memory and CPU limits are not enforced")
                + "."
            )
        return ""


def read(info: Mapping[str, Any], url: str) -> Facts:
    """The facts in the answer of ``GET /info`` of the engine at ``url``."""
    security = " ".join(info.get("SecurityOptions") or ())
    rootless = "name=rootless" in security
    return Facts(
        version=str(info.get("ServerVersion", "unknown")),
        cpus=int(info["NCPU"]),
        memory=int(info["MemTotal"]),
        local=_local(url),
        native=_local(url) and not rootless and _same_kernel(info),
        rootless=rootless,
        selinux="name=selinux" in security,
        limits=bool(info.get("MemoryLimit", True)) and info.get("CgroupDriver") != "none",
    )


def _local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("unix", "npipe") or (parts.scheme != "ssh" and parts.hostname in _LOOPBACK)


def _same_kernel(info: Mapping[str, Any]) -> bool:
    """Docker Desktop and the like run the engine in a virtual machine: another kernel, or another network (WSL2)."""
    if platform.system() != "Linux" or "Docker Desktop" in str(info.get("OperatingSystem")):
        return False
    return info.get("KernelVersion") == os.uname().release
