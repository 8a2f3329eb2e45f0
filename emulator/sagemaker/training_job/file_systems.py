"""FileSystemDataSource: EFS and FSx file systems, which are directories of this machine here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.engines.port import Mount
from emulator.errors import ValidationException
from emulator.settings import Settings


def require_directory(settings: Settings, channel: Mapping[str, Any]) -> None:
    """Refuse a file system, or a directory of one, that is not there."""
    source, directory = channel["DataSource"]["FileSystemDataSource"], _directory(settings, channel)
    root = _root(settings, source)
    if not directory.resolve().is_relative_to(root.resolve()) or not directory.is_dir():
        raise ValidationException(
            f"The directory {source['DirectoryPath']} of the file system {source['FileSystemId']} does not exist. "
            f"Here it is {directory}, and must not lead out of {root}, which may be a link to your data. "
            "--file-systems names another place."
        )


def mount(settings: Settings, channel: Mapping[str, Any], inside: str) -> Mount:
    """The channel's directory as a container sees it."""
    read_only = channel["DataSource"]["FileSystemDataSource"]["FileSystemAccessMode"] == "ro"
    return Mount(inside, _directory(settings, channel).resolve(), read_only=read_only, users=True)


def _directory(settings: Settings, channel: Mapping[str, Any]) -> Path:
    source = channel["DataSource"]["FileSystemDataSource"]
    path: str = source["DirectoryPath"]
    return _root(settings, source) / path.strip("/")


def _root(settings: Settings, source: Mapping[str, Any]) -> Path:
    identifier: str = source["FileSystemId"]
    return settings.file_systems_dir / identifier
