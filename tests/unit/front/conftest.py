from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted import Mounted, mounted


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Mounted]:
    """The front with everything behind it."""
    with mounted(tmp_path) as running:
        yield running
