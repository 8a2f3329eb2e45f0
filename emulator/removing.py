"""Removing directories that containers have filled, however deep."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def remove_tree(root: Path) -> None:
    """Remove a directory with all that is in it, as far as that can be had; fine when it is not there.

    A program can nest directories deeper than Python recurses, than a path is long, and than a process may open.
    """
    with suppress(RecursionError):
        shutil.rmtree(root, ignore_errors=True)
    if os.path.lexists(root):
        with suppress(OSError):
            _flatten(root)
        with suppress(RecursionError):
            shutil.rmtree(root, ignore_errors=True)


def _flatten(root: Path) -> None:
    """Move every directory up to the root, level by level, which empties all of them."""
    top = os.open(root, _DIRECTORY)
    try:
        names = (f".{os.getpid()}-{number}" for number in count())
        pending = _directories(top)
        while pending:
            name = pending.pop()
            with suppress(OSError):
                inner = os.open(name, _DIRECTORY, dir_fd=top)
                try:
                    for each in _directories(inner):
                        moved = next(names)
                        os.rename(each, moved, src_dir_fd=inner, dst_dir_fd=top)
                        pending.append(moved)
                finally:
                    os.close(inner)
    finally:
        os.close(top)


def _directories(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
