"""Input files for `spoil` of the test program, linked to stored ones, and what they must still be afterwards."""

from __future__ import annotations

import os
import stat
from pathlib import Path

NAMES = (
    *("write", "append", "truncate", "overwrite", "mode", "time"),
    *("remove", "rename", "replace", "link", "twin"),
)

Seen = dict[str, tuple[bytes, int, int]]


def link_input(ml: Path, stored: Path) -> None:
    """Files in ``stored`` and a second name of each below ``input/data``, as staging makes them."""
    data = ml / "input" / "data"
    data.mkdir(parents=True)
    stored.mkdir()
    for name in NAMES:
        (stored / name).write_bytes(f"stored {name}".encode())
        (stored / name).chmod(0o666)
        os.link(stored / name, data / name)
    (data / "twin").unlink()
    os.link(stored / "append", data / "twin")  # two objects with one blob, as a copy in S3 makes them
    for directory in (ml / "input", data):
        directory.chmod(0o777)


def seen(directory: Path) -> Seen:
    """Each file's bytes, mode and time of its last change, by path."""
    return {str(path.relative_to(directory)): _facts(path) for path in directory.rglob("*") if path.is_file()}


def _facts(path: Path) -> tuple[bytes, int, int]:
    known = path.stat()
    return path.read_bytes(), stat.S_IMODE(known.st_mode), known.st_mtime_ns
