"""Input channels: their configuration and the data files in their folders."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_container.errors import UserError
from sagemaker_container.pipe import Pipe

MAX_FOLDER_DEPTH = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a job: the files below ``path``, or a ``pipe`` beside it in Pipe mode.

    ``content_type`` is None when the request gave none. ``framed`` says that each object is one RecordIO record.
    """

    name: str
    path: Path
    content_type: str | None
    pipe: Pipe | None = None
    framed: bool = False


def channel(name: str, path: Path, config: Mapping[str, str]) -> Channel:
    """The channel that an entry of inputdataconfig.json describes. FastFile mode reads as File mode does."""
    pipe = Pipe(path) if config.get("TrainingInputMode") == "Pipe" else None
    return Channel(name, path, config.get("ContentType"), pipe, config.get("RecordWrapperType") == "RecordIO")


def require_channels(given: Mapping[str, object], required: set[str], optional: set[str]) -> None:
    """Raise `UserError` for a channel that is missing or that the algorithm does not know."""
    for name in sorted(required - given.keys()):
        raise UserError(f"Missing required channel: {name}")
    for name in given:
        if name not in required | optional:
            raise UserError(f"Extraneous channel found: {name}")


def data_files(folder: Path) -> list[Path]:
    """The non-empty data files of a channel down to the third folder level, in a stable order.

    Raises `UserError` for a hidden file anywhere. Names that begin with an underscore (``_SUCCESS``) are not data.
    """
    if not folder.exists():
        return []
    if any(path.name.startswith(".") for path in folder.rglob("*") if path.is_file()):
        raise UserError("Hidden file found in the data path! Remove that before training.")
    return [path for path in _files(folder, 1) if not path.name.startswith("_") and path.stat().st_size]


def _files(folder: Path, depth: int) -> Iterator[Path]:
    if depth > MAX_FOLDER_DEPTH:
        log.warning(
            "The depth of folder %s exceed the limit %s. Files in deeper sub dirs won't be loaded. "
            "Please adjust the folder structure accordingly.",
            folder,
            MAX_FOLDER_DEPTH,
        )
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _files(path, depth + 1)
        else:
            yield path
