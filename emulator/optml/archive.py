"""Archives between a container's directories and S3: packed and unpacked as streams, never as a whole in memory."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

# Archives travel between two places of one disk, so time counts for more than size.
_COMPRESSION = 1


class BadArchive(Exception):
    """The archive is no tar.gz, or would write outside its directory."""


def pack(directory: Path, target: Path) -> None:
    """Write everything below ``directory`` to the gzip-compressed tar ``target``, members relative to it.

    Links are stored as links. A directory that a container has replaced by a link counts as empty: where it leads
    to is none of the container's business.
    """
    inside = sorted(directory.iterdir()) if directory.is_dir() and not directory.is_symlink() else []
    with tarfile.open(target, "w:gz", compresslevel=_COMPRESSION) as archive:
        for path in inside:
            archive.add(path, arcname=path.name)


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
