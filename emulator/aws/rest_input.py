"""REST-JSON requests to validated input: members from the path, query string, headers and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws import documents, text
from emulator.aws.constraints import null_problem
from emulator.aws.model import Shape
from emulator.aws.parsers import Parse, Parsers, camel
from emulator.aws.uris import Template, parse_query
from emulator.aws.wire import WireRequest

Sources = tuple[Mapping[str, str], list[tuple[str, str]], Mapping[str, str]]
"""Decoded path labels, query pairs, headers with lower-case names."""

Fetch = Callable[[Sources], Any]
"""What a member's place in the request holds, or None when it is not there."""


class RestInput:
    """Reads requests of one operation whose input shape is ``name``."""

    def __init__(self, parsers: Parsers, name: str, template: Template) -> None:
        shape = parsers.model.shapes[name]
        self._template = template
        places = {key: member["location"] for key, member in shape["members"].items() if "location" in member}
        self._head = [_head_member(parsers, shape, key) for key in places]
        self._wants_query = any(place == "querystring" for place in places.values())
        self._required = [(key, camel(key)) for key in shape.get("required", ()) if key in places]
        self._body = _body_parser(parsers, name, shape, [key for key in shape["members"] if key not in places])

    def parse_head(self, request: WireRequest, problems: list[str]) -> dict[str, Any]:
        """The members outside the body; broken demands go to ``problems``."""
        labels = self._template.match(request.path) or {}
        sources = (labels, parse_query(request.query) if self._wants_query else [], request.headers)
        found = {}
        for key, path, fetch, parse in self._head:
            value = fetch(sources)
            if value is not None:
                found[key] = parse(value, path, problems)
        for key, path in self._required:
            if key not in found:
                problems.append(null_problem(path))
        return found

    def parse_body(self, request: WireRequest, problems: list[str]) -> dict[str, Any]:
        """The members inside the body; broken demands go to ``problems``."""
        return self._body(request.body, problems)


def _head_member(parsers: Parsers, shape: Shape, key: str) -> tuple[str, str, Fetch, Parse]:
    member = shape["members"][key]
    name = member.get("locationName", key)
    fetch, parse = _PLACES[member["location"]](parsers, member, name)
    return key, camel(key), fetch, parse


def _kind(parsers: Parsers, member: Shape) -> str:
    kind: str = parsers.model.shapes[member["shape"]]["type"]
    return kind


def _label(parsers: Parsers, member: Shape, name: str) -> tuple[Fetch, Parse]:
    return lambda sources: sources[0].get(name), _scalar(parsers, member)


def _header(parsers: Parsers, member: Shape, name: str) -> tuple[Fetch, Parse]:
    lower = name.lower()
    if _kind(parsers, member) != "list":
        return lambda sources: sources[2].get(lower), _scalar(parsers, member)
    item = parsers.model.shapes[parsers.model.shapes[member["shape"]]["member"]["shape"]]

    def fetch(sources: Sources) -> list[str] | None:
        value = sources[2].get(lower)
        return None if value is None else text.split_list(value, item)

    return fetch, parsers.scalar_list(member["shape"], text.reader(item, "header"))


def _prefixed_headers(parsers: Parsers, member: Shape, name: str) -> tuple[Fetch, Parse]:
    """A map of all headers that start with ``name``, without it."""
    lower = name.lower()

    def fetch(sources: Sources) -> dict[str, str] | None:
        return {key[len(lower) :]: value for key, value in sources[2].items() if key.startswith(lower)} or None

    return fetch, parsers.of(member["shape"])


def _query(parsers: Parsers, member: Shape, name: str) -> tuple[Fetch, Parse]:
    kind = _kind(parsers, member)
    if kind == "map":
        return _query_map(parsers, member)
    if kind == "list":
        item = parsers.model.shapes[parsers.model.shapes[member["shape"]]["member"]["shape"]]
        parse = parsers.scalar_list(member["shape"], text.reader(item, "querystring"))
        return lambda sources: [value for key, value in sources[1] if key == name] or None, parse
    return lambda sources: next((value for key, value in sources[1] if key == name), None), _scalar(parsers, member)


def _query_map(parsers: Parsers, member: Shape) -> tuple[Fetch, Parse]:
    """A map of the whole query string, to strings or to lists of strings."""
    shapes = parsers.model.shapes
    many = shapes[shapes[member["shape"]]["value"]["shape"]]["type"] == "list"

    def fetch(sources: Sources) -> dict[str, Any] | None:
        found: dict[str, list[str]] = {}
        for key, value in sources[1]:
            found.setdefault(key, []).append(value)
        return (found if many else {key: values[0] for key, values in found.items()}) or None

    return fetch, parsers.of(member["shape"])


def _scalar(parsers: Parsers, member: Shape) -> Parse:
    name, json_value = member["shape"], member.get("jsonvalue", False)
    convert = text.reader(parsers.model.shapes[name], member["location"], json_value=json_value)
    # The demands of a ``jsonvalue`` shape speak about its text, which is a string no longer once it is read.
    return (lambda value, _path, _problems: convert(value)) if json_value else parsers.scalar(name, convert)


_PLACES: dict[str, Callable[[Parsers, Shape, str], tuple[Fetch, Parse]]] = {
    "uri": _label,
    "header": _header,
    "headers": _prefixed_headers,
    "querystring": _query,
}

BodyParser = Callable[[bytes, list[str]], dict[str, Any]]


def _body_parser(parsers: Parsers, name: str, shape: Shape, keys: list[str]) -> BodyParser:
    payload = shape.get("payload")
    if payload is not None:
        return _payload_parser(parsers, shape, payload)
    if not keys:
        return lambda _body, _problems: {}
    parse = parsers.structure(name, keys)
    return lambda body, problems: parse(documents.read_object(body), "", problems)


def _payload_parser(parsers: Parsers, shape: Shape, key: str) -> BodyParser:
    """Reads the whole body as one member: raw bytes, raw text, or JSON."""
    member = shape["members"][key]["shape"]
    required = key in shape.get("required", ())
    convert = _payload_reader(parsers.model.shapes[member])
    is_raw = convert is not documents.read
    parse = parsers.scalar(member, convert) if is_raw else parsers.of(member)

    def read(body: bytes, problems: list[str]) -> dict[str, Any]:
        if not body and not (required and is_raw):  # HTTP cannot tell an empty blob from none: required means empty
            if required:
                problems.append(null_problem(camel(key)))
            return {}
        return {key: parse(body if is_raw else documents.read(body), camel(key), problems)}

    return read


def _payload_reader(shape: Shape) -> Callable[[bytes], Any]:
    if shape["type"] == "blob":
        return bytes
    return text.decode_body if shape["type"] == "string" else documents.read
