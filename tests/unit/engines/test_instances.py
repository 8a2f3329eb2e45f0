"""Sizes against AWS's published tables."""

from __future__ import annotations

import pytest

from emulator.engines.instances import GIB, Limits, limits


@pytest.mark.parametrize(
    ("instance_type", "cpus", "gib"),
    [
        ("ml.t3.medium", 2, 4),
        ("ml.t3.xlarge", 4, 16),
        ("ml.m4.10xlarge", 40, 160),
        ("ml.m5.large", 2, 8),
        ("ml.m5.24xlarge", 96, 384),
        ("ml.c4.xlarge", 4, 7.5),
        ("ml.c5.18xlarge", 72, 144),
        ("ml.c5n.18xlarge", 72, 192),
        ("ml.r5.2xlarge", 8, 64),
        ("ml.p2.xlarge", 4, 61),
        ("ml.p3.16xlarge", 64, 488),
        ("ml.p4d.24xlarge", 96, 1152),
        ("ml.g4dn.12xlarge", 48, 192),
        ("ml.g5.48xlarge", 192, 768),
        ("ml.inf1.24xlarge", 96, 192),
        ("ml.trn1.32xlarge", 128, 512),
    ],
)
def test_a_type_has_the_cpus_and_memory_aws_gives_it(instance_type: str, cpus: int, gib: float) -> None:
    assert limits(instance_type) == Limits(cpus, int(gib * GIB))


def test_limits_never_exceed_the_host() -> None:
    assert limits("ml.m5.24xlarge", 2, 4 * GIB) == Limits(2, 4 * GIB)
    assert limits("ml.m5.large", 64, 512 * GIB) == Limits(2, 8 * GIB)


@pytest.mark.parametrize("instance_type", ["ml.new9.large", "ml.m5.huge", "m5.large", "local", "ml.m5", ""])
def test_an_unknown_type_has_no_limits(instance_type: str) -> None:
    assert limits(instance_type, 2, GIB) == Limits(None, None)
