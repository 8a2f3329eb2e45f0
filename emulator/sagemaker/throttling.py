"""Throttling on purpose: a call that a test wants refused is answered as AWS answers one call too many."""

from __future__ import annotations

from collections.abc import Callable

from emulator.controls import Controls
from emulator.errors import Throttled


def throttled_by(controls: Controls) -> Callable[[str], None]:
    """What an `emulator.aws.Service` asks before each operation. It raises `Throttled` as often as a rule says."""

    def before(operation: str) -> None:
        if controls.take("throttle", operation) is not None:
            raise Throttled("Rate exceeded")

    return before
