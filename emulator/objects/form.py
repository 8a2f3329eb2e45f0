"""A browser's upload: a form whose fields stand where a PUT has headers, and whose file is streamed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from emulator.objects.wire_error import (
    InvalidArgument,
    MalformedPostRequest,
    MaxPostPreDataLengthExceeded,
    NoForm,
)

RAW_SIZE = 256 * 1024
"""How many bytes of the body are asked for at a time."""
MOST_BEFORE_FILE = 20_480
FILENAME = "${filename}"

Part: TypeAlias = Field | File


@dataclass(slots=True)
class Form:
    """The fields before the file, and the file, to be read once.

    ``fields`` has names in lower case; values of fields with one name are joined by a comma, and ``${filename}`` is
    replaced wherever it stands. ``spelling`` has the names as they were sent, by those in lower case. ``filename`` is
    None where the file's part has none, and so is ``content_type``.
    """

    fields: dict[str, str]
    spelling: dict[str, str]
    filename: str | None
    content_type: str | None
    _events: _Events
    _held: bytes = field(default=b"", init=False)
    _position: int = field(default=0, init=False)
    _ended: bool = field(default=False, init=False)

    def read(self, size: int) -> bytes:
        """The next bytes of the file: at least one, at most ``size``; ``b""`` at the end, whatever else follows.

        Raises `MalformedPostRequest` where the body ends within the file.
        """
        while self._position == len(self._held) and not self._ended:
            data = self._events.data()
            self._held, self._position, self._ended = data.data, 0, not data.more_data
        start = self._position
        self._position = min(start + size, len(self._held))
        return self._held[start : self._position]


def open_form(source: Callable[[int], bytes], content_type: str) -> Form:
    """Read a body up to its file. ``source(n)`` gives up to ``n`` bytes and ``b""`` at the end.

    Raises `NoForm` for another content type, `MalformedPostRequest`, `MaxPostPreDataLengthExceeded`, and
    `InvalidArgument` where the file or the key is missing.
    """
    events = _Events(source, _boundary(content_type))
    fields: dict[str, str] = {}
    spelling: dict[str, str] = {}
    part = events.part()
    while part.name.lower() != "file":
        name, value = part.name.lower(), events.value()
        fields[name] = f"{fields[name]},{value}" if name in fields else value
        spelling.setdefault(name, part.name)
        part = events.part()
    filename = _filename(part)
    form = Form(_expanded(fields, filename), spelling, filename, part.headers.get("content-type"), events)
    _check_key(form.fields)
    return form


def need(fields: dict[str, str], name: str) -> str:
    """The value of a field. Raises `InvalidArgument` where it is missing or stands after the file."""
    if name.lower() not in fields:
        raise InvalidArgument(
            f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the "
            "fields.",
            name,
            "",
        )
    return fields[name.lower()]


def _check_key(fields: dict[str, str]) -> None:
    if not need(fields, "key"):
        raise InvalidArgument("User key must have a length greater than 0.", "key", "")


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind.lower() != "multipart/form-data":
        raise NoForm
    if not options.get("boundary"):
        raise MalformedPostRequest
    return options["boundary"].encode()


def _filename(part: Part) -> str | None:
    """The file's name as the client has it. Backslashes stay: browsers escape none, werkzeug takes them for escapes."""
    if not isinstance(part, File):
        return None
    quoted = re.search(r'filename="((?:\\"|[^"])*)"', part.headers["content-disposition"])
    return quoted[1].replace('\\"', '"').replace("%22", '"') if quoted else part.filename


def _expanded(fields: dict[str, str], filename: str | None) -> dict[str, str]:
    """The fields with the file's name, without its folders, put in. S3 leaves them as they are where it has none."""
    if filename is None:
        return fields
    name = re.split(r"[/\\]", filename)[-1]
    return {key: value.replace(FILENAME, name) for key, value in fields.items()}


class _Events:
    """werkzeug's reading of a body, with S3's refusals. No more than one raw read is held."""

    def __init__(self, source: Callable[[int], bytes], boundary: bytes) -> None:
        self._source = source
        self._decoder = MultipartDecoder(boundary)
        self._received = 0

    def part(self) -> Part:
        """The beginning of the next part. Raises `InvalidArgument` where there is none: the file is missing."""
        while not isinstance(event := self._next(MOST_BEFORE_FILE), Field | File):
            if isinstance(event, Epilogue):
                raise InvalidArgument("POST requires exactly one file upload per request.", "file", "0")
        if not event.name:
            raise MalformedPostRequest
        return event

    def value(self) -> str:
        """The text of a field whose part has begun."""
        pieces = [self.data(MOST_BEFORE_FILE)]
        while pieces[-1].more_data:
            pieces.append(self.data(MOST_BEFORE_FILE))
        try:
            return b"".join(piece.data for piece in pieces).decode()
        except UnicodeDecodeError:
            raise MalformedPostRequest from None

    def data(self, most: int | None = None) -> Data:
        """More of what is in the part that has begun; ``most`` is how many bytes there may be up to it."""
        event = self._next(most)
        assert isinstance(event, Data)
        return event

    def _next(self, most: int | None) -> Event:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._check(self._received, most)
                self._receive()
        except ValueError:
            raise MalformedPostRequest from None
        self._check(self._received - len(self._decoder.buffer), most)
        return event

    def _receive(self) -> None:
        block = self._source(RAW_SIZE)
        self._received += len(block)
        self._decoder.receive_data(block or None)

    @staticmethod
    def _check(size: int, most: int | None) -> None:
        if most is not None and size > most:
            raise MaxPostPreDataLengthExceeded(most)
