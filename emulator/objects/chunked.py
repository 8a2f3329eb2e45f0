"""The body of an upload with ``Content-Encoding: aws-chunked``, decoded while it is read.

Signed (``STREAMING-AWS4-HMAC-SHA256-PAYLOAD``) or not, with trailing headers or without: all are
``SIZE[;chunk-signature=…]`` and a line break, that many bytes and a line break, until a size of 0; trailing headers
follow. Signatures are skipped, as the emulator does not verify those of headers either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from emulator.objects.wire_error import IncompleteBody, MalformedTrailer

RAW_SIZE = 64 * 1024
"""How many bytes are asked for where it is not known how many belong together."""
LONGEST_LINE = 8 * 1024
MOST_TRAILERS = 32

_HEADER = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]*)?")


class AwsChunked:
    """The bytes inside the chunks of ``source``.

    ``source(n)`` gives up to ``n`` bytes and ``b""`` at the end, as ``read`` of a raw body does; never more than what
    it gave last is held. ``announced`` are the names in ``x-amz-trailer``, all of which must come.

    ``trailers`` holds the trailing headers, names in lower case, as soon as `read` has returned ``b""``.
    """

    def __init__(self, source: Callable[[int], bytes], announced: Iterable[str] = ()) -> None:
        self.trailers: dict[str, str] = {}
        self._source = source
        self._announced = {name.strip().lower() for name in announced} - {""}
        self._held = b""
        self._position = 0
        self._left: int | None = None
        self._ended = False

    def read(self, size: int) -> bytes:
        """The next bytes: at least one, at most ``size``; ``b""`` at the end.

        Raises `IncompleteBody` where the body ends early or its framing is broken (what S3 says of the latter is
        unverified), `MalformedTrailer` for trailing headers that are unreadable, or announced and absent.
        """
        while not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return b""
        return self._content(size)

    def _content(self, size: int) -> bytes:
        assert self._left
        wanted = min(size, self._left)
        # What is not held is handed on as it came, without a copy.
        content = self._take(wanted) if self._position < len(self._held) else self._source(wanted)
        if not content:
            raise IncompleteBody
        self._left -= len(content)
        return content

    def _take(self, size: int) -> bytes:
        start = self._position
        self._position = min(start + size, len(self._held))
        return self._held[start : self._position]

    def _next_chunk(self) -> None:
        if self._left == 0 and self._line():
            raise IncompleteBody
        header = _HEADER.fullmatch(self._line())
        if header is None:
            raise IncompleteBody
        self._left = int(header[1], 16)
        if self._left == 0:
            self._read_trailers()
            self._ended = True

    def _read_trailers(self) -> None:
        """Take every line up to the end of the body; SDKs differ in where they put empty ones."""
        while self._position < len(self._held) or self._more():
            line = self._line().strip()
            if line:
                self._keep(line)
        if not self._announced <= self.trailers.keys():
            raise MalformedTrailer

    def _keep(self, line: bytes) -> None:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip() or len(self.trailers) == MOST_TRAILERS:
            raise MalformedTrailer
        self.trailers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")

    def _line(self) -> bytes:
        """The next line without its end."""
        end = self._held.find(b"\n", self._position)
        while end < 0:
            searched = len(self._held) - self._position
            if searched > LONGEST_LINE or not self._more():
                raise IncompleteBody
            end = self._held.find(b"\n", searched)
        line = self._held[self._position : end]
        self._position = end + 1
        return line.removesuffix(b"\r")

    def _more(self) -> bool:
        """Hold the next raw read behind what is not consumed yet; whether there was one."""
        raw = self._source(RAW_SIZE)
        self._held, self._position = self._held[self._position :] + raw, 0
        return bool(raw)
