"""Pipe mode: the named pipes from which a container reads a channel, one for each pass over the data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

POLL_SECONDS = 0.01


@dataclass(slots=True)
class Pipe:
    """A channel's pipes ``<path>_0``, ``<path>_1`` ... Each can be read once; the next appears after that."""

    path: Path
    epoch: int = 0

    def open(self) -> BinaryIO:
        """The bytes of the next epoch. Waits for the pipe to be made, then for its writer."""
        name = self.path.with_name(f"{self.path.name}_{self.epoch}")
        while not name.exists():
            time.sleep(POLL_SECONDS)
        self.epoch += 1
        return name.open("rb")
