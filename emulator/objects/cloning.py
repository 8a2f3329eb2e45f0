"""Reflinks: files that share their blocks until one of them is written. Linux has them on btrfs, XFS and some more."""

from __future__ import annotations

import errno
import os
import struct
import sys
from pathlib import Path

# linux/fs.h: FICLONERANGE takes {source, source offset, length, target offset}.
_FICLONERANGE = 0x4020940D
_RANGE = struct.Struct("=qQQQ")

UNSUPPORTED = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.EPERM, errno.ETXTBSY}
)
"""What a kernel or a file system answers when it does not do by itself what could be done by hand."""

# These two mean the range, which may have to begin and end with a block, and the very file: another may be cloned.
_OF_THE_FILE = frozenset({errno.EINVAL, errno.ETXTBSY})

# Pairs of devices (from, to) that said no: the kernel's answer does not change, and a channel may have many files.
_unable: set[tuple[int, int]] = set()


class NotCloned(Exception):
    """The bytes cannot be shared and have to be copied."""


def worth_trying(path: Path, directory: Path) -> bool:
    """Whether a file like ``path`` may perhaps be cloned into ``directory``."""
    return sys.platform == "linux" and (path.stat().st_dev, directory.stat().st_dev) not in _unable


def clone(source: int, offset: int, size: int, target: int, position: int) -> None:
    """Let ``size`` bytes of the open file ``target``, from ``position`` on, be those of ``source`` from ``offset`` on.

    Both are descriptors. Raises `NotCloned` where there is no such thing, and OSError for anything else.
    """
    import fcntl  # Windows has none, and `worth_trying` never says yes there

    try:
        fcntl.ioctl(target, _FICLONERANGE, _RANGE.pack(source, offset, size, position))
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        if error.errno not in _OF_THE_FILE:
            _unable.add((os.fstat(source).st_dev, os.fstat(target).st_dev))
        raise NotCloned from error
