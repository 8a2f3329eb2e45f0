"""Directories that containers have written: walked and read without following what they may have put there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)

# A pipe would wait for its writer.
_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


class NoOrdinaryFile(OSError):
    """What was to be read is a pipe, a device or the like."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something below ``root``; ``name`` is its path from there, with slashes."""

    root: Path
    name: str
    found: os.DirEntry[str]

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file; a link is none."""
        return self.found.is_file(follow_symlinks=False)

    def open(self) -> BinaryIO:
        """See `open_file`."""
        return open_file(self.root, self.name)


Unseen = dict[str, OSError]
"""The directories, by name, that could not be listed."""


def merged(directories: Sequence[Path], unseen: Unseen | None = None) -> Iterator[Entry]:
    """What is below some directories as if they were one, each directory before its content.

    Where several have something by one name, that of the first one counts; only directories become one. Nothing is
    remembered but the directories that are still to be looked at, and the names of one. What vanishes meanwhile is left
    out. A directory that a container has replaced by a link counts as empty: where it leads to is none of the
    container's business.

    A directory that cannot be listed goes to ``unseen``, and without that raises OSError.
    """
    for number, directory in enumerate(directories):
        if not directory.is_symlink():
            yield from _below(directory, directories[:number], unseen)


def _below(root: Path, earlier: Sequence[Path], unseen: Unseen | None) -> Iterator[Entry]:
    """What ``root`` adds to the directories that come before it."""
    pending = [("", earlier)]
    while pending:
        parent, sharing = pending.pop()
        for found in _entries(root, parent, unseen):
            name = f"{parent}/{found.name}" if parent else found.name
            others = [other for other in sharing if os.path.lexists(other / name)]
            if not others:
                yield Entry(root, name, found)
            if found.is_dir(follow_symlinks=False) and all(_is_directory(other / name) for other in others[:1]):
                pending.append((name, [other for other in others if _is_directory(other / name)]))


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entries(root: Path, parent: str, unseen: Unseen | None) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / parent) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        if unseen is None:
            raise
        unseen[parent] = error
        return []


def open_file(root: Path, name: str) -> BinaryIO:
    """The ordinary file ``name`` below ``root``, whatever a container makes of the way there meanwhile.

    Raises FileNotFoundError, NotADirectoryError or `NoOrdinaryFile` when it is gone, and other OSErrors.
    """
    *parents, last = name.split("/")
    directory = os.open(root, _DIRECTORY)
    try:
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = inner
        descriptor = _opened(last, directory)
    finally:
        os.close(directory)
    return open(descriptor, "rb")  # noqa: PTH123 - of a descriptor


def _opened(name: str, directory: int) -> int:
    try:
        descriptor = os.open(name, _FILE, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise NoOrdinaryFile(None, f"{name} is no ordinary file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoOrdinaryFile(None, f"{name} is no ordinary file")
    return descriptor
