"""File systems of the test's own: small ones, and such that can be made read-only. Root may mount them, on Linux."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = bytes(1 << 16)


class Disk:
    """A mounted file system at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def ballast(self) -> Path:
        """What takes the space away; remove it to have space again."""
        return self.path / "ballast"

    def fill(self, free: int = 0) -> None:
        """Leave ``free`` bytes."""
        room = self.path / "room"
        room.write_bytes(bytes(free))
        with self.ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(_BLOCK)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - the end that is wanted
        room.unlink()

    def mode(self, mode: str) -> None:
        """Make it ``ro`` or ``rw``."""
        _mount("-o", f"remount,{mode}", str(self.path))


@contextmanager
def mounted_disk(path: Path, size: int) -> Iterator[Disk]:
    """A file system of ``size`` bytes in memory. Where none can be mounted the test is skipped with the reason."""
    path.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        pytest.skip(f"no file system can be mounted here: {reason}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
