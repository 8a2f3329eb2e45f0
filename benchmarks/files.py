"""Files of random bytes, and what is left in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_BLOCK = 1 << 20


def make(path: Path, size: int) -> None:
    """A file of ``size`` random bytes, which nothing on the way can make smaller."""
    with path.open("wb") as file:
        for start in range(0, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - start)))


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settle() -> None:
    """Wait until what was written is on the disk, so that nobody is measured while the disk works for another."""
    if hasattr(os, "sync"):
        os.sync()
