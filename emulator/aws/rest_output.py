"""A handler's answer to a REST-JSON reply: headers, status and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws import documents, text
from emulator.aws.dumpers import Dump, Dumpers
from emulator.aws.model import Shape
from emulator.errors import NotBuilt

WriteHeader = Callable[[Any], dict[str, str]]
WriteBody = Callable[[Mapping[str, Any]], tuple[str, bytes]]
"""Answers the content type and the bytes."""

JSON = "application/json"


class RestOutput:
    """Writes replies of output (or error) shape ``name``."""

    def __init__(self, dumpers: Dumpers, name: str) -> None:
        shape = dumpers.model.shapes[name]
        members = shape["members"]
        self._headers = {
            key: _header_writer(dumpers, member)
            for key, member in members.items()
            if member.get("location") in ("header", "headers")
        }
        self._status = next((key for key, member in members.items() if member.get("location") == "statusCode"), None)
        self._body = _body_writer(dumpers, name, shape)

    def status(self, output: Mapping[str, Any], default: int) -> int:
        """The HTTP status that ``output`` asks for, else ``default``."""
        chosen = None if self._status is None else output.get(self._status)
        return default if chosen is None else chosen

    def headers(self, output: Mapping[str, Any]) -> dict[str, str]:
        """The headers that ``output`` asks for; ValueError for a value that would break out of its header."""
        found: dict[str, str] = {}
        for key, value in output.items():
            if value is not None and key in self._headers:
                found |= self._headers[key](value)
        return found

    def body(self, output: Mapping[str, Any]) -> tuple[str, bytes]:
        """The content type (unless a header says otherwise; empty for no body) and the bytes."""
        return self._body(output)


def _header_writer(dumpers: Dumpers, member: Shape) -> WriteHeader:
    shapes, name = dumpers.model.shapes, member["locationName"]
    shape = shapes[member["shape"]]
    if member["location"] == "headers":
        return lambda value: {name + key: _one_line(item) for key, item in value.items() if item is not None}
    if shape["type"] == "list":
        item = shapes[shape["member"]["shape"]]
        write_item = text.writer(item)
        return lambda value: {name: _one_line(text.join_list([write_item(each) for each in value], item))}
    write = text.writer(shape, json_value=member.get("jsonvalue", False))
    return lambda value: {name: _one_line(write(value))}


def _one_line(value: str) -> str:
    """``value``, unless it could end its header early: it may come from a user's container."""
    if any(mark in value for mark in "\r\n\0"):
        raise ValueError("a header value holds a line break")
    return value


def _body_writer(dumpers: Dumpers, name: str, shape: Shape) -> WriteBody:
    if "payload" in shape:
        return _payload_writer(dumpers, shape, shape["payload"])
    keys = [key for key, member in shape["members"].items() if "location" not in member]
    dump = dumpers.structure(name, keys)
    # AWS answers a JSON object even when no member belongs into the body.
    return lambda output: (JSON, documents.write(dump(output)))


def _payload_writer(dumpers: Dumpers, shape: Shape, key: str) -> WriteBody:
    """Writes one member as the whole body."""
    name = shape["members"][key]["shape"]
    payload = dumpers.model.shapes[name]
    if payload.get("eventstream"):
        return lambda _output: _refuse_event_stream()
    content_type, write = _payload_kind(payload, lambda: dumpers.of(name))

    def write_body(output: Mapping[str, Any]) -> tuple[str, bytes]:
        value = output.get(key)
        return ("", b"") if value is None else (content_type, write(value))

    return write_body


def _payload_kind(payload: Shape, dump: Callable[[], Dump]) -> tuple[str, Callable[[Any], bytes]]:
    if payload["type"] == "blob":
        return "application/octet-stream", bytes
    if payload["type"] == "string":
        return "text/plain", str.encode
    project = dump()
    return JSON, lambda value: documents.write(project(value))


def _refuse_event_stream() -> tuple[str, bytes]:
    raise NotBuilt("Event stream replies are not built as a whole; their sender takes the headers and streams.")
