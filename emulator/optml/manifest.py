"""Manifests: a JSON array of one ``{"prefix": "s3://..."}`` and suffixes, read an element at a time.

A manifest may name a hundred thousand objects; never is more of it in memory than one piece.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_PIECE = 1 << 16

# A key has 1024 bytes at most. What is longer than this is no element of a manifest.
_LONGEST = 1 << 16

_SPACE = re.compile(r"[ \t\r\n]*")


class BadManifest(Exception):
    """The object is no manifest; the message says what it should be."""


def prefix_of(elements: Iterator[Any]) -> str:
    """Take the first element, which names the prefix. Raises `BadManifest`."""
    match next(elements, None):
        case {"prefix": str(prefix)} if prefix:
            return prefix
    raise BadManifest('its first element must be {"prefix": "s3://bucket/key"}')


def suffixes(elements: Iterator[Any]) -> Iterator[str]:
    """The other elements. Raises `BadManifest` at the first that is no suffix."""
    for number, element in enumerate(elements, start=2):
        if isinstance(element, dict):
            raise BadManifest(f"element {number} is a second object: only the first element may be one")
        if not isinstance(element, str) or not element:
            raise BadManifest(f"element {number} must be a text that completes the prefix")
        yield element


def elements(body: BinaryIO) -> Iterator[Any]:
    """The elements of a JSON array in UTF-8. Raises `BadManifest` where it ends to be one."""
    text = _Text(body)
    if text.sign() != "[":
        raise BadManifest("it must be a JSON array")
    if text.peek() == "]":
        text.sign()
    else:
        yield text.value()
        while (sign := text.sign()) == ",":
            yield text.value()
        if sign != "]":
            raise BadManifest(f"its JSON array is broken {text.where}")
    if text.sign():
        raise BadManifest("something follows its JSON array")


class _Text:
    """The text of ``body``, of which one piece is held, and what is left of the one before."""

    def __init__(self, body: BinaryIO) -> None:
        self._body = body
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._held = ""
        self._at = 0
        self._passed = 0

    @property
    def where(self) -> str:
        return f"near character {self._passed + self._at}"

    def peek(self) -> str:
        """The next sign that is no white space; empty at the end."""
        while True:
            space = _SPACE.match(self._held, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._held) or not self._more():
                return self._held[self._at : self._at + 1]

    def sign(self) -> str:
        """Take the next sign."""
        sign = self.peek()
        self._at += len(sign)
        return sign

    def value(self) -> Any:
        """Take the next value."""
        self.peek()
        while True:
            try:
                value, self._at = self._json.raw_decode(self._held, self._at)
            except (ValueError, RecursionError):
                if len(self._held) - self._at > _LONGEST or not self._more():
                    raise BadManifest(f"it is no JSON {self.where}") from None
            else:
                return value

    def _more(self) -> bool:
        """Read another piece; False at the end."""
        piece = self._body.read(_PIECE)
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            raise BadManifest("it is no text in UTF-8") from None
        self._passed += self._at
        self._held, self._at = self._held[self._at :] + text, 0
        return bool(piece)
