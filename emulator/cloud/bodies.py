"""Object bodies as files, apart from the catalogue that names them.

Nothing here knows moto. A body is written once under a random name, never changed, and removed when the catalogue
has forgotten it and no request that could still read it is under way.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

_CHUNK = 1 << 20


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Saved:
    """A body that is on disk: its name, its size in bytes and its MD5 in hex (S3's ETag of a plain object)."""

    ref: str
    size: int
    md5: str


class Bodies:
    """The directory of bodies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._moments = itertools.count()
        self._readers: set[int] = set()
        self._buried: list[tuple[int, str]] = []

    def save(self, source: Readable) -> Saved:
        """Copy ``source`` from its present position to its end into a new body."""
        ref = uuid.uuid4().hex
        path = self._path(ref)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.md5(usedforsecurity=False), 0
        try:
            with path.open("xb") as target:
                while block := source.read(_CHUNK):
                    digest.update(block)
                    size += target.write(block)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Saved(ref, size, digest.hexdigest())

    def open(self, ref: str) -> BinaryIO:
        """The body's bytes; what is open stays readable after the body is removed."""
        return self._path(ref).open("rb")

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """While this is entered, bodies that are buried stay readable."""
        with self._lock:
            moment = next(self._moments)
            self._readers.add(moment)
        try:
            yield
        finally:
            with self._lock:
                self._readers.discard(moment)
            self._sweep()

    def bury(self, refs: set[str]) -> None:
        """Remove bodies nobody names any more, as soon as nobody can be reading them."""
        with self._lock:
            moment = next(self._moments)
            self._buried.extend((moment, ref) for ref in refs)
        self._sweep()

    def keep_only(self, refs: set[str]) -> None:
        """Remove every body that is not in ``refs``: what a killed process had written but not named yet."""
        for path in self._directory.glob("*/*"):
            if path.name not in refs:
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove every body."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _sweep(self) -> None:
        with self._lock:
            if not self._buried:
                return
            oldest = min(self._readers, default=None)
            dead = [ref for moment, ref in self._buried if oldest is None or moment < oldest]
            self._buried = [(moment, ref) for moment, ref in self._buried if oldest is not None and moment >= oldest]
        for ref in dead:
            self._path(ref).unlink(missing_ok=True)

    def _path(self, ref: str) -> Path:
        return self._directory / ref[:2] / ref


class StoredBody:
    """The file-like buffer moto holds in place of the bytes: reads from the body's file, which it opens when read.

    ``ref`` None is a body that is gone, such as a part of a completed upload: it reads as empty.
    """

    def __init__(self, bodies: Bodies | None, ref: str | None) -> None:
        self._bodies = bodies
        self.ref = ref
        self._position = 0

    def open(self) -> BinaryIO:
        """A file of its own over the bytes."""
        if self._bodies is None or self.ref is None:
            raise FileNotFoundError("this body is gone")
        return self._bodies.open(self.ref)

    def seek(self, position: int) -> int:
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        if self.ref is None:
            return b""
        with self.open() as file:
            file.seek(self._position)
            block = file.read(size)
        self._position += len(block)
        return block

    def close(self) -> None:
        """Nothing to give back: no file stays open between two reads."""
