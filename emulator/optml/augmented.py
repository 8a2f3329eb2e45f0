"""Augmented manifests: JSON Lines whose attributes are values, or point to objects."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from emulator.objects.port import ObjectStore
from emulator.optml import sources
from emulator.optml.s3uri import S3Uri, parse
from emulator.optml.staging import StagingError, told

# Bytes of a line that are read at most; SageMaker's labelling jobs write no more than a hundredth of it.
_LONGEST = 8 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """What one line stands for: objects and texts in the order of AttributeNames. ``where`` names it in messages."""

    parts: tuple[S3Uri | str, ...]
    where: str


def lines(store: ObjectStore, account: str, channel: Mapping[str, Any]) -> Iterator[Line]:
    """The lines of a channel's augmented manifest; whether the objects exist is not looked at.

    Raises `StagingError`.
    """
    uri, names = sources.location(channel), channel["DataSource"]["S3DataSource"]["AttributeNames"]
    with told(uri), store.open(uri.bucket, uri.key, account=account) as body:
        for number, text in enumerate(_texts(body), start=1):
            if not text.isspace():
                where = f"line {number} of the augmented manifest {uri}"
                found = _attributes(text, where)
                yield Line(tuple(_part(found, name, where) for name in names), where)


def _texts(body: BinaryIO) -> Iterator[bytes]:
    with io.BufferedReader(cast("io.RawIOBase", body), 1 << 16) as lines:  # what a store opens may be unbuffered
        while line := lines.readline(_LONGEST):
            yield line


def _attributes(text: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise StagingError(f"{where} is no JSON object; write one object a line")
    return found


def _part(found: dict[str, Any], name: str, where: str) -> S3Uri | str:
    if name not in found:
        raise StagingError(f"{where} has no attribute {name!r}, which AttributeNames asks for")
    value = found[name]
    if not name.endswith("-ref"):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    uri = parse(value) if isinstance(value, str) else None
    if uri is None or not uri.key or not sources.can_be_a_name(uri.key):
        raise StagingError(f"{where}: the attribute {name!r} must be the S3 URI of an object")
    return uri
