"""Archives between a container's directories and S3: packed and unpacked as streams, nowhere whole."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from emulator.optml import tree

# Archives travel between two places of one disk, so time counts for more than size.
_COMPRESSION = 1

# What is asked of the pipe at once; the pipe itself holds less, so the packing never runs far ahead.
_CHUNK = 1 << 18


class BadArchive(Exception):
    """The archive is no tar.gz, or would write outside its directory."""


@contextmanager
def packed(*directories: Path) -> Iterator[BinaryIO]:
    """The archive of some directories, put together, as a file to read once, packed by a thread while it is read.

    Reading raises what the packing raised, so that half an archive never looks like a whole one. Who stops reading
    ends the packing.
    """
    reading, writing = os.pipe()
    packing = _Packing(directories, writing)
    packing.start()
    try:
        with io.BufferedReader(_Packed(reading, packing), _CHUNK) as body:
            yield body
    finally:
        packing.join()


def pack(directories: Sequence[Path], target: BinaryIO) -> None:
    """Write what is below some directories to ``target`` as a gzip-compressed tar, members relative to them.

    The directories of several hosts become one; see `tree.merged` for what counts where names clash. Links are stored
    as links, pipes as pipes: nothing is followed, and nothing waited for.
    """
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=_COMPRESSION) as archive:
        for entry in tree.merged(directories):
            archive.add(entry.found.path, arcname=entry.name, recursive=False)


def unpack(source: BinaryIO, directory: Path) -> None:
    """Extract a gzip-compressed tar below ``directory``. Raises `BadArchive`."""
    try:
        with tarfile.open(fileobj=source, mode="r|gz") as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(directory, filter="data")
            else:  # Python 3.11 before 3.11.4, which Debian 12 has
                archive.extractall(directory, members=_harmless(archive))  # noqa: S202 - checked one by one
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadArchive(_words(error)) from error


def _words(error: Exception) -> str:
    """What is wrong with an archive, without the paths of this machine."""
    member = getattr(error, "tarinfo", None)
    if member is not None:
        return f"{member.name!r} would be written outside, or is no file"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _harmless(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members, as the filter "data" would have them: nothing outside the directory, no devices, our own files."""
    for member in archive:
        places = [member.name, member.linkname] if member.islnk() or member.issym() else [member.name]
        inside = all(not PurePosixPath(place).is_absolute() and ".." not in place.split("/") for place in places)
        if not inside or not (member.isfile() or member.isdir() or member.islnk() or member.issym()):
            raise BadArchive(f"{member.name!r} would be written outside, or is no file")
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        member.mode = (member.mode & 0o755) | (0o700 if member.isdir() else 0o600)
        yield member


class _Packing(threading.Thread):
    """Packs directories into the writing end of a pipe, which it closes."""

    def __init__(self, directories: Sequence[Path], writing: int) -> None:
        super().__init__(name="packing", daemon=True)
        self._directories = directories
        self._writing = writing
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with open(self._writing, "wb") as target:  # noqa: PTH123 - of a descriptor
                pack(self._directories, target)
        except BaseException as error:  # noqa: BLE001 - it is the reader's: `_Packed` raises it there
            self.error = error


class _Packed(io.RawIOBase):
    """The reading end of the pipe; its end is an end only when the packing succeeded."""

    def __init__(self, reading: int, packing: _Packing) -> None:
        self._pipe = open(reading, "rb", buffering=0)  # noqa: SIM115 - of a descriptor; `close` closes it
        self._packing = packing

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._pipe.readinto(buffer)
        if not count:
            self._packing.join()
            if self._packing.error is not None:
                raise self._packing.error
        return count or 0

    def close(self) -> None:
        self._pipe.close()
        super().close()
