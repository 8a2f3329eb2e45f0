"""Input channels in File mode: the objects below an S3 prefix become files below ``input/data/<channel>``.

Where ``shared`` says that nobody can write to what is staged, the files may be the stored bytes themselves.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from emulator.objects.port import ObjectError, ObjectStore
from emulator.optml.s3uri import S3Uri, parse

log = logging.getLogger(__name__)

# How often a long download says how far it is.
_OBJECTS_A_WORD = 10_000
_BYTES_A_WORD = 10 << 30


class StagingError(Exception):
    """A channel could not be brought down; the message is the FailureReason a user reads."""


def stage(
    store: ObjectStore, account: str, channel: Mapping[str, Any], directory: Path, *, shared: bool = False
) -> None:
    """Bring one S3Prefix channel down into ``directory``, which is made afresh. Raises `StagingError`."""
    source = parse(channel["DataSource"]["S3DataSource"]["S3Uri"])
    assert source is not None, "the request's S3 URIs were checked when the job was created"
    try:
        if directory.exists():  # an interrupted attempt
            shutil.rmtree(directory)
        download_all(store, account, source, directory, shared=shared)
    except ObjectError as error:
        raise StagingError(f"ClientError: Data download failed:{error}: {source}") from error


def download_all(store: ObjectStore, account: str, source: S3Uri, directory: Path, *, shared: bool = False) -> None:
    """Bring every object below an S3 prefix down into ``directory``, which is made; "folder" objects are skipped."""
    directory.mkdir(parents=True, exist_ok=True)
    made, far = directory, _HowFar(source)
    for found in store.list(source.bucket, source.key, account=account):
        if found.key.endswith("/"):
            continue
        uri, target = S3Uri(source.bucket, found.key), directory / local_path(source.key, found.key)
        with _told(uri):
            if target.parent != made:  # keys come in order, so that most of them lie beside the one before
                made = target.parent
                made.mkdir(parents=True, exist_ok=True)
            store.place(uri.bucket, uri.key, target, shared=shared, account=account)
        far.count(found.size)
    far.tell()


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


@contextmanager
def _told(uri: S3Uri) -> Iterator[None]:
    """What the file system refuses, in the service's words: no room, or two keys that would have to be one file."""
    try:
        yield
    except OSError as error:
        raise StagingError(f"ClientError: Data download failed:{error.strerror}: {uri}") from error


class _HowFar:
    """Counts what is staged, and says so now and then when it takes long."""

    def __init__(self, source: S3Uri) -> None:
        self._source = source
        self._objects = self._bytes = 0

    def count(self, size: int) -> None:
        before = self._words()
        self._objects += 1
        self._bytes += size
        if self._words() != before:
            self.tell()

    def tell(self) -> None:
        log.info("%s: %d objects, %d bytes staged", self._source, self._objects, self._bytes)

    def _words(self) -> tuple[int, int]:
        return self._objects // _OBJECTS_A_WORD, self._bytes // _BYTES_A_WORD
