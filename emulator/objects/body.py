"""What an object's bytes are made of: pieces of blobs, never the bytes themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Segment:
    """``size`` bytes of the blob called ``blob``, from ``offset`` on."""

    blob: str
    offset: int
    size: int


Body = tuple[Segment, ...]
"""The bytes of an object: its segments, one after the other. An object without bytes has no segment."""


def size_of(body: Body) -> int:
    """How many bytes a body has."""
    return sum(segment.size for segment in body)


def blobs_of(bodies: Iterable[Body]) -> set[str]:
    """The blobs that bodies are made of."""
    return {segment.blob for body in bodies for segment in body}


def cut(body: Body, start: int, end: int) -> Body:
    """The bytes from ``start`` (included) to ``end`` (excluded) of a body, as far as there are any."""
    found, position = [], 0
    for segment in body:
        first, last = max(start - position, 0), min(end - position, segment.size)
        if first < last:
            found.append(Segment(segment.blob, segment.offset + first, last - first))
        position += segment.size
    return tuple(found)


def joined(bodies: Iterable[Body]) -> Body:
    """One body of several, in turn; neighbours in a blob become one segment again."""
    found: list[Segment] = []
    for segment in (segment for body in bodies for segment in body):
        last = found[-1] if found else None
        if last is not None and last.blob == segment.blob and last.offset + last.size == segment.offset:
            found[-1] = replace(last, size=last.size + segment.size)
        else:
            found.append(segment)
    return tuple(found)
