"""Request URIs of a REST model: which operation a path asks for, and what its labels hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from emulator.errors import SerializationException

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


class Template:
    """A ``requestUri`` such as ``/endpoints/{EndpointName}/invocations`` or ``/{Bucket}/{Key+}?acl``."""

    def __init__(self, uri: str) -> None:
        path, _, query = uri.partition("?")
        self.labels = [match[1] for match in _LABEL.finditer(path)]
        self.constants = parse_qsl(query, keep_blank_values=True)
        self._match = re.compile(_expression(path)).fullmatch
        greedy = sum(match[2] == "+" for match in _LABEL.finditer(path))
        self.rank = (greedy, len(self.labels), -len(self.constants), -len(path))
        """Sorts the most specific template first."""

    def match(self, path: str) -> Mapping[str, str] | None:
        """The decoded labels when the raw ``path`` has this form, else None."""
        found = self._match(path)
        if found is None:
            return None
        return {label: decode(text) for label, text in zip(self.labels, found.groups(), strict=True)}

    def fits(self, path: str, query: str) -> bool:
        """Whether the raw ``path`` has this form and ``query`` holds the constants of the template."""
        if self._match(path) is None:
            return False
        return not self.constants or set(self.constants) <= set(parse_query(query))


def _expression(path: str) -> str:
    """The regular expression of a template's path."""
    expression, at = "", 0
    for match in _LABEL.finditer(path):
        expression += re.escape(path[at : match.start()]) + ("(.+)" if match[2] else "([^/]+)")
        at = match.end()
    return expression + re.escape(path[at:])


def decode(text: str) -> str:
    """``text`` with its percent-escapes resolved as UTF-8; SerializationException when they are none."""
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise SerializationException("The request URI is not valid UTF-8.") from error


def parse_query(query: str) -> list[tuple[str, str]]:
    """The decoded names and values of a raw query string; a name without ``=`` has an empty value."""
    if not query:
        return []
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise SerializationException("The query string is not valid.") from error


class Routes:
    """Finds the operation of a request among the operations of one REST model."""

    def __init__(self, operations: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_method: dict[str, list[tuple[Template, str]]] = {}
        for name, operation in operations.items():
            http = operation["http"]
            self._by_method.setdefault(http["method"], []).append((Template(http["requestUri"]), name))
        for routes in self._by_method.values():
            routes.sort(key=lambda route: route[0].rank)

    def find(self, method: str, path: str, query: str) -> str | None:
        """The operation for ``method`` and the raw ``path`` and ``query``, the most specific if several fit."""
        for template, name in self._by_method.get(method, ()):
            if template.fits(path, query):
                return name
        return None
