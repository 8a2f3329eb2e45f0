"""Scalars as text, the way REST-JSON puts them into paths, query strings and headers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any

from emulator.aws import documents, scalars, timestamps
from emulator.aws.model import Shape
from emulator.aws.scalars import BITS, SPECIAL_FLOATS, Convert
from emulator.errors import SerializationException

DEFAULT_FORMAT = {"uri": "iso8601", "querystring": "iso8601", "header": "rfc822"}
"""The notation of a timestamp in each place of a request, unless its shape names one."""

_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(?:,|$)')


def reader(shape: Shape, location: str, *, json_value: bool = False) -> Convert:
    """How to read the text of scalar ``shape`` at ``location`` (``uri``, ``querystring`` or ``header``)."""
    kind = shape["type"]
    if json_value:
        return _read_json_value
    if kind == "timestamp":
        return _guarded(timestamps.READ[shape.get("timestampFormat", DEFAULT_FORMAT[location])], "Timestamp")
    if kind in BITS:
        in_range = scalars.reader(shape)
        return lambda text: in_range(_read_whole_number(text))
    return _READERS[kind]


def _guarded(parse: Callable[[str], Any], name: str) -> Convert:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except (ValueError, OverflowError) as error:
            raise scalars.mismatch(text, name) from error

    return read


def _decimal(text: str) -> float:
    if text in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[text]
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _whole_number(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


_read_whole_number = _guarded(_whole_number, "Integer")
_read_decimal = _guarded(_decimal, "Double")


def _read_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise scalars.mismatch(text, "Boolean")
    return text == "true"


def _read_json_value(text: str) -> Any:
    """A header member with the ``jsonvalue`` trait: any JSON value, base64 on the wire."""
    try:
        return documents.read(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise SerializationException("A header is not valid base64") from error


_READERS: dict[str, Convert] = {
    "string": str,
    "boolean": _read_boolean,
    "float": _read_decimal,
    "double": _read_decimal,
    "blob": scalars.reader({"type": "blob"}),
}


def decode_body(body: bytes) -> str:
    """The text of a raw body; SerializationException when it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise SerializationException("The request body is not valid UTF-8.") from error


def split_list(text: str, shape: Shape) -> list[str]:
    """The items of a list header; items with commas come in double quotes, HTTP dates bring a comma of their own."""
    if shape["type"] == "timestamp" and shape.get("timestampFormat", "rfc822") == "rfc822":
        parts = text.split(",")
        return [",".join(parts[at : at + 2]).strip() for at in range(0, len(parts), 2)]
    items, at = [], 0
    while at < len(text):
        match = _LIST_ITEM.match(text, at)
        if match is None:
            raise SerializationException("A header is not a valid list")
        quoted, plain = match.groups()
        items.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return items


def writer(shape: Shape, *, json_value: bool = False) -> Callable[[Any], str]:
    """How to write a scalar of ``shape`` as the text of a reply header."""
    kind = shape["type"]
    if json_value:
        return lambda value: base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode("ascii")
    if kind == "timestamp":
        return timestamps.WRITE[shape.get("timestampFormat", DEFAULT_FORMAT["header"])]
    checked = scalars.writer(shape)
    if kind == "boolean":
        return lambda value: "true" if checked(value) else "false"
    return lambda value: str(checked(value))


def join_list(items: list[str], shape: Shape) -> str:
    """The items as one list header, quoting those that a reader would otherwise split or trim."""
    if shape["type"] == "timestamp":
        return ", ".join(items)
    return ", ".join(_quoted(item) if _needs_quotes(item) else item for item in items)


def _needs_quotes(item: str) -> bool:
    return item != item.strip() or any(mark in item for mark in ',"')


def _quoted(item: str) -> str:
    escaped = item.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
