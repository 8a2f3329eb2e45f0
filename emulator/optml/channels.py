"""Input channels in File mode: the objects below an S3 prefix become files below ``input/data/<channel>``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from emulator.objects.port import ObjectError, ObjectStore
from emulator.optml.s3uri import S3Uri, parse

_CHUNK = 1 << 20


class StagingError(Exception):
    """A channel could not be brought down; the message is the FailureReason a user reads."""


def stage(store: ObjectStore, account: str, channel: Mapping[str, Any], directory: Path) -> None:
    """Download one S3Prefix channel into ``directory``, which is made. Raises `StagingError`."""
    source = parse(channel["DataSource"]["S3DataSource"]["S3Uri"])
    assert source is not None, "the request's S3 URIs were checked when the job was created"
    try:
        download_all(store, account, source, directory)
    except ObjectError as error:
        raise StagingError(f"ClientError: Data download failed:{error}: {source}") from error


def download_all(store: ObjectStore, account: str, source: S3Uri, directory: Path) -> None:
    """Download every object below an S3 prefix into ``directory``, which is made; "folder" objects are skipped."""
    directory.mkdir(parents=True, exist_ok=True)
    for found in store.list(source.bucket, source.key, account=account):
        if not found.key.endswith("/"):
            _download(store, account, S3Uri(source.bucket, found.key), directory / local_path(source.key, found.key))


def local_path(prefix: str, key: str) -> PurePosixPath:
    """Where an object of a prefix lies below its channel's directory.

    The prefix is a string, not a folder: everything up to its last slash is removed, so ``data/train`` puts
    ``data/train/x.csv`` and ``data/train.csv`` at ``x.csv`` and ``train.csv``. Raises `StagingError` for a key
    that would leave the directory.
    """
    if key == prefix:
        relative = key.rsplit("/", 1)[-1]
    elif key.startswith(f"{prefix}/"):
        relative = key[len(prefix) + 1 :]
    else:
        relative = key[prefix.rfind("/") + 1 :]
    path = PurePosixPath(relative.lstrip("/"))
    if ".." in path.parts or not path.parts:
        raise StagingError(f"ClientError: Data download failed:the key {key!r} does not name a file in its channel")
    return path


def _download(store: ObjectStore, account: str, uri: S3Uri, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with store.open(uri.bucket, uri.key, account=account) as body, target.open("wb") as file:
            shutil.copyfileobj(body, file, _CHUNK)
    except OSError as error:  # no room, or two keys of which one would have to be file and directory at once
        raise StagingError(f"ClientError: Data download failed:{error.strerror}: {uri}") from error
