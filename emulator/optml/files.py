"""Files that a container has made, read with care: it may have made links to files of this machine, or pipes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Neither waiting for a pipe's writer nor following a link; Windows has neither.
CAREFULLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def regular_files(directory: Path, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Each ordinary file below ``directory``, by path with slashes, and its status; by name within each folder.

    Links are not followed. A directory that is not there, or is no directory, holds nothing; what vanishes meanwhile
    is passed over.
    """
    if directory.is_symlink():
        return
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from regular_files(Path(entry.path), f"{path}/")
        elif (status := _status(entry)) is not None and stat.S_ISREG(status.st_mode):
            yield path, status


def opened(path: Path) -> BinaryIO | None:
    """An ordinary file, open for reading; None when there is none at ``path`` any more."""
    try:
        file = open(os.open(path, CAREFULLY), "rb")  # noqa: PTH123, SIM115 - of a descriptor; the caller closes it
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
