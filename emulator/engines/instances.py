"""SageMaker instance types as numbers of CPUs and bytes of memory.

The sizes follow AWS's naming: within a family, vCPUs and memory grow with the size, and the family fixes the
memory per vCPU (https://aws.amazon.com/sagemaker/pricing, https://docs.aws.amazon.com/ec2 instance type pages).
What departs from the rule is listed one by one. A type that is not known here has no limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

GIB = 1024**3

_TYPE = re.compile(r"ml\.([a-z]+\d*[a-z-]*)\.([a-z0-9]+)")
_XLARGE = re.compile(r"(\d*)xlarge")

_GIB_PER_VCPU: Mapping[str, float] = {
    **dict.fromkeys(("m4", "m5", "m5d", "m5n", "m5dn", "m6i", "m6id", "m6g", "m6gd", "m6a"), 4),
    **dict.fromkeys(("m7i", "m7g", "m7gd", "m7a", "m8g", "m8i", "t2", "t3"), 4),
    **dict.fromkeys(("c5", "c5d", "c6i", "c6id", "c6g", "c6gd", "c6gn", "c6a", "c7i", "c7g", "c7gd", "c7a", "c8g"), 2),
    **dict.fromkeys(("r5", "r5d", "r6i", "r6id", "r6g", "r6gd", "r6a", "r7i", "r7g", "r7gd", "r7a", "r8g"), 8),
    **dict.fromkeys(("g4dn", "g5", "g6", "inf2", "trn1", "trn1n"), 4),
    **dict.fromkeys(("gr6", "g6e"), 8),
    "c4": 1.875,
    "c5n": 2.625,
    "inf1": 2,
    "p2": 15.25,
    "p3": 7.625,
}

_EXCEPTIONS: Mapping[str, tuple[int, float]] = {
    "t2.medium": (2, 4),
    "t3.medium": (2, 4),
    "c4.8xlarge": (36, 60),
    "c5n.9xlarge": (36, 96),
    "c5n.18xlarge": (72, 192),
    "p2.16xlarge": (64, 732),
    "p3dn.24xlarge": (96, 768),
    "p4d.24xlarge": (96, 1152),
    "p4de.24xlarge": (96, 1152),
    "p5.4xlarge": (16, 256),
    "p5.48xlarge": (192, 2048),
    "p5e.48xlarge": (192, 2048),
    "p5en.48xlarge": (192, 2048),
    "trn2.48xlarge": (192, 2048),
}
"""Family and size -> vCPUs, GiB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use: CPUs, and bytes of memory. None means no limit."""

    cpus: float | None
    memory: int | None


def limits(instance_type: str, host_cpus: float | None = None, host_memory: int | None = None) -> Limits:
    """The size of an instance type, never more than the host has (an engine clamps to its own host again)."""
    size = _size(instance_type)
    if size is None:
        return Limits(None, None)
    cpus, gib = size
    return Limits(min(float(cpus), host_cpus or cpus), min(int(gib * GIB), host_memory or int(gib * GIB)))


def _size(instance_type: str) -> tuple[int, float] | None:
    match = _TYPE.fullmatch(instance_type)
    if match is None:
        return None
    family, size = match.groups()
    if (known := _EXCEPTIONS.get(f"{family}.{size}")) is not None:
        return known
    cpus, ratio = _vcpus(size), _GIB_PER_VCPU.get(family)
    return None if cpus is None or ratio is None else (cpus, cpus * ratio)


def _vcpus(size: str) -> int | None:
    if size in ("medium", "large"):
        return 1 if size == "medium" else 2
    match = _XLARGE.fullmatch(size)
    return 4 * int(match[1] or 1) if match else None
