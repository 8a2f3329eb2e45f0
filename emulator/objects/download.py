"""An object of a server, read while it comes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

Fetch = Callable[[int], Any]
"""Opens the object's bytes from a position on, as botocore's ``StreamingBody``."""

_TRIES = 3


class Download(io.RawIOBase):
    """An object of ``size`` bytes as a file; ``body`` has it from its start.

    A connection that breaks is taken up where it broke. ``fetch`` must give the bytes of the same object, or raise.
    Raises botocore's errors translated by ``failed``.
    """

    def __init__(self, body: Any, size: int, fetch: Fetch, failed: Callable[[Exception], Exception]) -> None:
        self._body = body
        self._size = size
        self._fetch = fetch
        self._failed = failed
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("negative seek position")
        if start + offset != self._position:
            self._drop()
            self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        content = self._read(len(buffer))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        self._drop()
        super().close()

    def _read(self, size: int) -> bytes:
        from botocore.exceptions import BotoCoreError, FlexibleChecksumError

        for attempt in range(_TRIES):
            try:
                return self._read_once(size)
            except FlexibleChecksumError as error:
                raise self._failed(error) from error
            except BotoCoreError as error:
                self._drop()
                if attempt == _TRIES - 1:
                    raise self._failed(error) from error
        raise AssertionError("every attempt returns or raises")

    def _read_once(self, size: int) -> bytes:
        if self._body is None:
            if self._position >= self._size:
                return b""
            self._body = self._fetch(self._position)
        # The empty read at the end matters: botocore compares the checksum then.
        content: bytes = self._body.read(size)
        return content

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None
