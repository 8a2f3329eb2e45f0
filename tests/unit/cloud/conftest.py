from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cloud import Cloud
from tests.mounted import ACCOUNT, REGION, Mounted, mounted


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Mounted]:
    """The cloud behind the front, with an empty data directory."""
    with mounted(tmp_path) as running:
        yield running


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """The cloud alone."""
    it = Cloud(ACCOUNT, REGION, tmp_path)
    yield it
    it.close()
