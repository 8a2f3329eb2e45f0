"""Tests marked ``docker`` need a Docker Engine: skipped with the reason where none answers, unless it is required."""

from __future__ import annotations

import os

import pytest

from emulator.engines import sockets


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") is None or sockets.find() is not None:
        return
    reason = f"no Docker Engine answers (tried {', '.join(sockets.candidates())})"
    if os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(f"REQUIRE_DOCKER=1, but {reason}", pytrace=False)
    pytest.skip(reason)
