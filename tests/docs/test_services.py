"""The guide names the services that are kept."""

from __future__ import annotations

import re
from pathlib import Path

from emulator.cloud.services.kept import KEPT

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "configuration.md"


def test_the_guide_names_every_service_that_is_kept_and_no_other() -> None:
    found = re.search(r"by moto's names:\n(.+?)\.\n\n", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert set(re.findall(r"`(\w+)`", found[1])) == KEPT | {"s3"}
