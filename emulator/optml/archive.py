"""Archives between a container's directories and S3: packed and unpacked as streams, never as a whole in memory."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import BinaryIO

# Archives travel between two places of one disk, so time counts for more than size.
_COMPRESSION = 1


class BadArchive(Exception):
    """The archive is no tar.gz, or would write outside its directory."""


def pack(directory: Path, target: Path) -> None:
    """Write everything below ``directory`` to the gzip-compressed tar ``target``, members relative to it."""
    with tarfile.open(target, "w:gz", compresslevel=_COMPRESSION) as archive:
        for path in sorted(directory.iterdir()) if directory.is_dir() else ():
            archive.add(path, arcname=path.name)


def unpack(source: BinaryIO, directory: Path) -> None:
    """Extract a gzip-compressed tar below ``directory``. Raises `BadArchive`."""
    try:
        with tarfile.open(fileobj=source, mode="r|gz") as archive:
            archive.extractall(directory, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadArchive(str(error)) from error
