"""The claim check: moto's keys hold a `Body` where they held bytes, and are given one where they were given bytes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar, cast

from moto.s3.models import FakeKey

from emulator.objects.blobs import CHUNK, Blobs
from emulator.objects.body import Body, size_of
from emulator.objects.checksum import Digests
from emulator.objects.reading import BodyFile


@dataclass(frozen=True, slots=True)
class Claim:
    """What is handed to moto in place of bytes.

    ``md5`` in hex; ``checksums`` by algorithm, as S3's headers have them; ``algorithm`` is that of the object. ``held``
    is what a key has already that the claim was made of.
    """

    body: Body
    md5: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    algorithm: str = ""
    held: Held | None = None

    def __len__(self) -> int:
        return size_of(self.body)

    def __bool__(self) -> bool:
        return True  # moto says `body or b""`


class Held:
    """What a ``FakeKey`` has as its buffer, shared by copies. moto closes it with the key; there is nothing to close.

    ``known`` are the digests (base64, by algorithm) that the bytes were read for: they are never read for them again.
    """

    __slots__ = ("body", "known")

    def __init__(self, body: Body, known: Mapping[str, str] | None = None) -> None:
        self.body = body
        self.known = known or {}

    def digests(self, *algorithms: str) -> Mapping[str, str]:
        """At least these digests; those that are not known are read for, all in one go."""
        missing = {name for name in algorithms if name not in self.known}
        if missing:
            found = claims.digests(self.body, *missing)
            # Put in place at once: another thread may be reading it.
            self.known = {**self.known, **{name: found.value(name) for name in {"MD5", *missing}}}
        return self.known

    def close(self) -> None:
        """Bytes are removed when no row names them any more, not before."""


class Claims:
    """How moto's keys find the bytes. One for the process, since moto's classes are."""

    def __init__(self) -> None:
        self._blobs: Blobs | None = None
        self.closed: Callable[[str, Body], Body] = lambda _upload, body: body
        """The whole of an upload (its id), given its parts' bodies, joined."""
        self._local = threading.local()

    @property
    def blobs(self) -> Blobs:
        """Where the bytes are."""
        assert self._blobs is not None, "moto's S3 is used by nobody"
        return self._blobs

    def use(self, blobs: Blobs | None, closed: Callable[[str, Body], Body] = lambda _upload, body: body) -> None:
        """From now on bytes are in ``blobs``."""
        self._blobs = blobs
        self.closed = closed

    @contextlib.contextmanager
    def lending(self) -> Iterator[None]:
        """While this thread is inside, a key's value is a `Claim` instead of bytes."""
        before = self.lends
        self._local.lends = True
        try:
            yield
        finally:
            self._local.lends = before

    @property
    def lends(self) -> bool:
        """Whether this thread is inside `lending`."""
        return getattr(self._local, "lends", False)

    @contextlib.contextmanager
    def showing(self) -> Iterator[list[FakeKey]]:
        """While this thread is inside, a key that is looked up is put into the list that is yielded, and its value is
        empty: the reply's bytes are streamed from the key's body, past moto."""
        shown: list[FakeKey] = []
        self._local.shown = shown
        try:
            yield shown
        finally:
            self._local.shown = None

    @property
    def shown(self) -> list[FakeKey] | None:
        """The list of `showing` when this thread is inside."""
        return getattr(self._local, "shown", None)

    @contextlib.contextmanager
    def request(self) -> Iterator[set[str]]:
        """While this thread is inside, yields the set of the blobs that it makes."""
        before: set[str] | None = getattr(self._local, "made", None)
        made: set[str] = set() if before is None else before
        self._local.made = made
        if before is None:
            self._local.cuts = {}
        try:
            yield made
        finally:
            self._local.made = before
            if before is None:
                self._local.cuts = None

    def made(self, body: Body) -> Body:
        """Note that this thread's request has made ``body``."""
        made: set[str] | None = getattr(self._local, "made", None)
        if made is not None:
            made.update(segment.blob for segment in body)
        return body

    def cut(self, body: Body) -> Held:
        """A piece of an object, as the same to the end of this thread's request: it is read for its digests once."""
        cuts: dict[Body, Held] | None = getattr(self._local, "cuts", None)
        return Held(body) if cuts is None else cuts.setdefault(body, Held(body))

    def kept(self, data: bytes) -> Claim:
        """Bytes that moto itself has made, as a claim."""
        body = self.blobs.save(io.BytesIO(data))
        return Claim(self.made(body), hashlib.md5(data, usedforsecurity=False).hexdigest())

    def open(self, body: Body) -> BinaryIO:
        """The bytes as a file."""
        return cast("BinaryIO", BodyFile(self.blobs, body))

    def digests(self, body: Body, *algorithms: str) -> Digests:
        """Digests of bytes that are stored."""
        found = Digests(algorithms)
        with self.open(body) as file:
            while block := file.read(CHUNK):
                found.update(block)
        return found


T = TypeVar("T")

claims = Claims()


def body_of(key: FakeKey) -> Body:
    """The bytes of a key."""
    return held_of(key).body


def held_of(key: FakeKey) -> Held:
    """What a key has as its buffer."""
    held: Any = key._value_buffer
    return held if isinstance(held, Held) else Held(())


def blank(model: type[T]) -> T:
    """An instance of one of moto's models that has no member yet."""
    return model.__new__(model)


def drop_what_is_no_metadata(key: FakeKey) -> None:
    """Headers of an upload that moto would show again with each read of the object."""
    for name in ("content-md5", "x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-content-sha256"):
        key.metadata.pop(name, None)
