"""Staging of a channel: the error a user reads, and the words in the log while it takes long."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from emulator.objects.port import ObjectError
from emulator.optml.s3uri import S3Uri

log = logging.getLogger(__name__)

# How often a long download says how far it is.
_OBJECTS_A_WORD = 10_000


class StagingError(Exception):
    """A channel could not be brought down; the message is the FailureReason a user reads, ``words`` what is wrong."""

    def __init__(self, words: str) -> None:
        super().__init__(f"ClientError: Data download failed:{words}")
        self.words = words


@contextmanager
def told(what: object) -> Iterator[None]:
    """What S3 and the file system refuse, as a `StagingError` that names the object.

    The file system refuses for want of room, for example, or because two keys would have to be one file.
    """
    try:
        yield
    except ObjectError as error:
        raise StagingError(f"{error}: {what}") from error
    except OSError as error:
        raise StagingError(f"{error.strerror}: {what}") from error


class HowFar:
    """Counts what is staged of a source, and says so now and then when it takes long."""

    def __init__(self, source: S3Uri) -> None:
        self._source = source
        self._objects = 0

    def count(self) -> None:
        self._objects += 1
        if not self._objects % _OBJECTS_A_WORD:
            self.tell()

    def tell(self) -> None:
        log.info("%s: %d objects staged", self._source, self._objects)
