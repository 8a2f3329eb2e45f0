"""Objects go out: the bytes that a reply shows, whole, a range or a part, streamed from their blobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from emulator.cloud.refusal import Reply
from emulator.cloud.s3.replies import OUTGOING, Outgoing
from emulator.objects import ranges
from emulator.objects.blobs import Blobs
from emulator.objects.body import Body, cut, size_of
from emulator.objects.graves import Visit
from emulator.objects.reading import BodyFile
from emulator.objects.wire_error import InvalidRequest

_PIECE = 256 << 10
"""Bytes of a reply that are handed over at a time; each download holds a few such pieces."""

_STRONGER = (("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"), ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which bytes of an object a request asks for: what moto does not see of it."""

    range: str | None = None
    part: str | None = None


def take_out(environ: dict[str, Any]) -> Asked:
    """Take the range and the part number of a read out of a request, so that moto answers with the whole object.

    Of two conditions moto looks at both; the one about the ETag goes before the one about the time.
    """
    for stronger, weaker in _STRONGER:
        if stronger in environ:
            environ.pop(weaker, None)
    query = environ["QUERY_STRING"]
    part = None
    if "partNumber=" in query and "uploadId=" not in query:
        pairs = parse_qsl(query, keep_blank_values=True)
        part = next((value for name, value in pairs if name == "partNumber"), None)
        rest = "&".join(piece for piece in query.split("&") if not piece.startswith("partNumber="))
        environ["QUERY_STRING"] = rest
        path = environ["RAW_URI"].partition("?")[0]
        environ["RAW_URI"] = f"{path}?{rest}" if rest else path
    return Asked(environ.pop("HTTP_RANGE", None) or None, part)


class Sending:
    """Makes replies of objects. ``blobs`` has the bytes."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def reply(self, environ: Mapping[str, Any], reply: Reply, asked: Asked, visit: Visit) -> Reply:
        """``reply`` of moto with the object that it speaks of.

        The ``visit`` is kept where the blobs are still to be read; the body, which the server closes, ends it then.
        Raises `WireError` for a range or a part that is not there, and `Damaged`.
        """
        outgoing: Outgoing | None = environ.get(OUTGOING)
        if outgoing is None:
            return _without_a_kind_of_nothing(reply)
        status, headers, _ = reply
        start, end, more = _window(asked, outgoing)
        headers = _headers(headers, start, end, size_of(outgoing.body), more)
        body = cut(outgoing.body, start, end)
        if environ["REQUEST_METHOD"] == "HEAD":
            return (206 if more else status), headers, b""
        return (206 if more else status), headers, self._content(body, visit)

    def _content(self, body: Body, visit: Visit) -> bytes | Iterable[bytes]:
        if size_of(body) <= _PIECE:
            with BodyFile(self._blobs, body) as file:
                return b"".join(_pieces(file))
        if len(body) == 1:  # an open file needs nobody's care
            return Streamed(BodyFile(self._blobs, body))
        return Streamed(BodyFile(self._blobs, body, visit.keep()))


class Streamed:
    """The bytes of a file, as WSGI takes them: closed by the server when they are sent, or nobody wants them."""

    def __init__(self, file: BodyFile) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return _pieces(self._file)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _pieces(file: BodyFile) -> Iterator[bytes]:
    while block := file.read(_PIECE):
        yield block


def _without_a_kind_of_nothing(reply: Reply) -> Reply:
    """``reply`` without the type that werkzeug gives a body that is not there."""
    status, headers, body = reply
    return reply if body else (status, [pair for pair in headers if pair[0].lower() != "content-type"], body)


def _window(asked: Asked, outgoing: Outgoing) -> tuple[int, int, dict[str, str]]:
    """Where the asked bytes begin and end, and the headers that say so; none of those when they are all."""
    size = size_of(outgoing.body)
    if asked.range and asked.part:
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter.")
    if asked.part:
        start, end = ranges.part_range(outgoing.parts or (size,), ranges.part_number(asked.part))
        count = {"x-amz-mp-parts-count": str(len(outgoing.parts))} if outgoing.parts else {}
    else:
        found = ranges.byte_range(asked.range, size) if asked.range else None
        if found is None:
            return 0, size, {}
        (start, end), count = found, {}
    return start, end, {"content-range": f"bytes {start}-{end - 1}/{size}", **count}


def _headers(
    headers: list[tuple[str, str]], start: int, end: int, size: int, more: Mapping[str, str]
) -> list[tuple[str, str]]:
    partial = start > 0 or end < size
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() != "content-length"
        and not (partial and name.lower().startswith("x-amz-checksum-"))  # they are of all bytes
    ]
    return [*kept, ("Content-Length", str(end - start)), *more.items()]
