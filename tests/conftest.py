"""Tests marked ``docker`` need a Docker Engine: skipped with the reason where none answers, unless it is required."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from emulator.engines import sockets

# How long an example takes says something of the machine, not of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") is None or sockets.find() is not None:
        return
    reason = f"no Docker Engine answers (tried {', '.join(sockets.candidates())})"
    if os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(f"REQUIRE_DOCKER=1, but {reason}", pytrace=False)
    pytest.skip(reason)
