"""An ObjectStore in memory, with one bucket, ``b``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from emulator.objects.port import NoSuchBucket, NoSuchKey, ObjectInfo


class Bucket:
    """The objects of ``b`` by their keys; keys and bodies may be looked at and changed."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def list(self, bucket: str, prefix: str = "", *, account: str | None = None) -> Iterator[ObjectInfo]:
        self._must_exist(bucket)
        return (
            ObjectInfo(key, len(body), "", 0.0) for key, body in sorted(self.objects.items()) if key.startswith(prefix)
        )

    def open(self, bucket: str, key: str, *, account: str | None = None) -> BinaryIO:
        self._must_exist(bucket)
        if key not in self.objects:
            raise NoSuchKey(bucket, key)
        return io.BytesIO(self.objects[key])

    def place(self, bucket: str, key: str, target: Path, *, shared: bool = False, account: str | None = None) -> None:
        with self.open(bucket, key) as body, target.open("xb") as file:
            file.write(body.read())

    def put(self, bucket: str, key: str, body: bytes | BinaryIO, **_: Any) -> ObjectInfo:
        self._must_exist(bucket)
        self.objects[key] = body if isinstance(body, bytes) else body.read()
        return ObjectInfo(key, len(self.objects[key]), "", 0.0)

    def delete(self, bucket: str, key: str, *, account: str | None = None) -> None:
        self._must_exist(bucket)
        self.objects.pop(key, None)

    def _must_exist(self, bucket: str) -> None:
        if bucket != "b":
            raise NoSuchBucket(bucket)


def stored(objects: dict[str, bytes]) -> Any:
    """A `Bucket` with some objects."""
    return Bucket(**objects)
