"""Which bytes of which blobs the rows of a catalogue name, found without moto and without running anything stored.

Rows are pickles (`emulator.cloud.s3.records`). What is asked of them here is plain data; every class in them is read
as an `_Inert` instead, which holds nothing and does nothing.
"""

from __future__ import annotations

import io
import pickle
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.objects.body import Segment


@dataclass(frozen=True, slots=True)
class Named:
    """A piece of a blob, and the object or part that consists of it, as a user calls that."""

    segment: Segment
    owner: str


def named(catalogue: sqlite3.Connection) -> Iterator[Named]:
    """Every segment that an object or a part names. Raises ValueError for a row that cannot be read."""
    try:
        yield from _named(catalogue)
    except (pickle.UnpicklingError, AttributeError, TypeError, LookupError, EOFError) as error:
        raise ValueError(f"a row of the catalogue cannot be read: {error!r}") from error


def _named(catalogue: sqlite3.Connection) -> Iterator[Named]:
    for bucket, key, data in catalogue.execute("SELECT bucket, name, data FROM object"):
        versions, _tags = _loaded(data)
        for version in versions:
            if isinstance(version, dict):  # any other is a delete marker
                yield from _of(version, f"s3://{bucket}/{key}")
    for bucket, upload, number, data in catalogue.execute("SELECT bucket, upload, number, data FROM part"):
        yield from _of(_loaded(data), f"part {number} of the upload {upload} to s3://{bucket}")


def _of(state: dict[str, Any], owner: str) -> Iterator[Named]:
    return (Named(Segment(*segment), owner) for segment in state["body"])


class _Inert:
    """Stands for any class, and for what its instances and functions would do."""

    def __new__(cls, *_arguments: object, **_named: object) -> _Inert:
        return super().__new__(cls)

    def __setstate__(self, _state: object) -> None: ...

    def __setitem__(self, _key: object, _value: object) -> None: ...

    def append(self, _item: object) -> None: ...

    def extend(self, _items: object) -> None: ...


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ARG002 - whatever it is
        return _Inert

    def persistent_load(self, pid: object) -> Any:  # noqa: ARG002 - whatever it is
        return _Inert()


def _loaded(data: bytes) -> Any:
    return _Reader(io.BytesIO(data)).load()
