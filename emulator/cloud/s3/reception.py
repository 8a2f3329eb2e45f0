"""Uploads come in: the body of a request becomes blobs, checked against everything the request says of it."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from emulator.cloud.s3.claims import Claim
from emulator.objects.assembly import Assemblies
from emulator.objects.blobs import Blobs
from emulator.objects.body import Body, Segment, size_of
from emulator.objects.checksum import ALGORITHMS, DEFAULT, Digests, width
from emulator.objects.chunked import AwsChunked
from emulator.objects.wire_error import (
    BadDigest,
    IncompleteBody,
    InvalidDigest,
    InvalidRequest,
    Sha256Mismatch,
)

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHECKSUM = "HTTP_X_AMZ_CHECKSUM_"


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of which upload a body is, and the checksum algorithm of that upload."""

    upload: str
    number: int
    algorithm: str


class Reception:
    """Takes the bodies of requests (WSGI environs) into ``blobs``; ``made`` is told each body, accepted or not."""

    def __init__(self, blobs: Blobs, assemblies: Assemblies, made: Callable[[Body], Body]) -> None:
        self._blobs = blobs
        self._assemblies = assemblies
        self._made = made

    def receive(self, environ: dict[str, Any], part: Part | None) -> Claim:
        """Store the body of a request, and leave the request without one. Raises `WireError` and OSError.

        What was stored of a body that turns out wrong is named by nobody, and goes with the request.
        """
        expected = _Expected(environ, part)
        source = _source(environ)
        digests = Digests(expected.algorithms)
        trailers = source.trailers if isinstance(source, AwsChunked) else {}
        with self._room(part, _length(environ)) as room:
            body = self._stored(source, digests, room)
            expected.check(digests, trailers, size_of(body))
        values = {algorithm: digests.value(algorithm) for algorithm in expected.kept(trailers)}
        _take_out(environ, values)
        return Claim(body, digests.md5, values, next(iter(values), ""))

    def take(self, source: Any, algorithm: str = DEFAULT) -> Claim:
        """Store a body that comes by itself: a file of a form, or of this machine."""
        digests = Digests([algorithm])
        body = self._made(self._blobs.save(source, digests.update))
        return Claim(body, digests.md5, {algorithm: digests.value(algorithm)}, algorithm)

    @contextmanager
    def _room(self, part: Part | None, length: int | None) -> Iterator[Segment | None]:
        """Where a part of ``length`` bytes goes; None for whatever gets a blob of its own. Given back on failure."""
        if part is None or not length:
            yield None
            return
        blob, offset = self._assemblies.place(part.upload, part.number, length)
        room = Segment(blob, offset, length)
        self._made((room,))  # before it is written: what fails half-way must go, too
        try:
            yield room
        except BaseException:
            self._assemblies.give_back(part.upload, part.number, blob)
            raise

    def _stored(self, source: Any, digests: Digests, room: Segment | None) -> Body:
        if room is None:
            return self._made(self._blobs.save(source, digests.update))
        size = self._blobs.fill(room.blob, room.offset, _Limited(source, room.size), digests.update)
        return (replace(room, size=size),)


class _Expected:
    """What a request says of its body."""

    def __init__(self, environ: Mapping[str, Any], part: Part | None) -> None:
        self._md5 = environ.get("HTTP_CONTENT_MD5")
        self._sha256 = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
        self._size = _length(environ)
        self._given = {
            name.removeprefix(_CHECKSUM): str(value)
            for name, value in environ.items()
            if name.startswith(_CHECKSUM) and name.removeprefix(_CHECKSUM) in ALGORITHMS
        }
        announced = [name.strip().lower() for name in environ.get("HTTP_X_AMZ_TRAILER", "").split(",")]
        named = [environ.get("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", ""), *map(_algorithm, announced), *self._given]
        self._named = list(dict.fromkeys(name.upper() for name in named if name.upper() in ALGORITHMS))
        self._of_upload = part.algorithm if part is not None else ""
        self._check_forms()

    @property
    def algorithms(self) -> list[str]:
        """What has to be computed."""
        signed = ["SHA256"] if _HEX_SHA256.fullmatch(self._sha256) else []
        return [*(self._named or [DEFAULT]), *([self._of_upload] if self._of_upload else []), *signed]

    def kept(self, trailers: Mapping[str, str]) -> list[str]:
        """The algorithms whose values belong to the object, its own first."""
        sent = [name for name in map(_algorithm, trailers) if name in self._named]
        kept = [*self._given, *sent, *self._named] or [DEFAULT]
        return list(dict.fromkeys([*kept, *([self._of_upload] if self._of_upload else [])]))

    def check(self, digests: Digests, trailers: Mapping[str, str], size: int) -> None:
        """Raise S3's error where the body is not what it should be."""
        if self._size is not None and size != self._size:
            raise IncompleteBody("You did not provide the number of bytes specified by the Content-Length HTTP header.")
        if self._md5 is not None and base64.b64decode(self._md5).hex() != digests.md5:
            raise BadDigest
        sent = {_algorithm(name): value for name, value in trailers.items()}
        for algorithm, value in {**self._given, **sent}.items():
            if algorithm in self._named and digests.value(algorithm) != value:
                raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")
        if _HEX_SHA256.fullmatch(self._sha256) and base64.b64decode(digests.value("SHA256")).hex() != self._sha256:
            raise Sha256Mismatch

    def _check_forms(self) -> None:
        if self._md5 is not None and not _is_base64(self._md5, 16):
            raise InvalidDigest
        if len(self._given) > 1:
            raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
        for algorithm, value in self._given.items():
            if not _is_base64(value, width(algorithm)):
                raise InvalidRequest(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


class _Limited:
    """A source that gives one byte more than it should at most: enough to see that it is too long."""

    def __init__(self, source: Any, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int, /) -> bytes:
        if self._left <= 0:
            if self._source.read(1):
                raise IncompleteBody("The request has more bytes than it says.")
            return b""
        block: bytes = self._source.read(min(size, self._left))
        self._left -= len(block)
        return block


def _source(environ: Mapping[str, Any]) -> Any:
    """The body as it is meant to be stored."""
    raw = environ["wsgi.input"]
    return AwsChunked(raw.read, environ.get("HTTP_X_AMZ_TRAILER", "").split(",")) if _is_chunked(environ) else raw


def _is_chunked(environ: Mapping[str, Any]) -> bool:
    """Whether a body has aws-chunked framing. S3 goes by this header alone, whatever Content-Encoding says."""
    return str(environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")).startswith("STREAMING-")


def _length(environ: Mapping[str, Any]) -> int | None:
    """How many bytes the request says its decoded body has."""
    text = environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH" if _is_chunked(environ) else "CONTENT_LENGTH")
    return int(text) if text and text.isascii() and text.isdigit() else None


def _take_out(environ: dict[str, Any], values: Mapping[str, str]) -> None:
    """Leave a request without a body, in the form in which moto would have seen the plain one."""
    if _is_chunked(environ) and "HTTP_CONTENT_ENCODING" in environ:
        names = [name.strip() for name in environ.pop("HTTP_CONTENT_ENCODING").split(",")]
        if rest := [name for name in names if name != "aws-chunked"]:
            environ["HTTP_CONTENT_ENCODING"] = ",".join(rest)
    for name in ("HTTP_TRANSFER_ENCODING", "HTTP_X_AMZ_TRAILER", "HTTP_X_AMZ_CONTENT_SHA256"):
        environ.pop(name, None)
    environ["wsgi.input"] = io.BytesIO()
    environ["CONTENT_LENGTH"] = "0"
    for algorithm, value in values.items():
        environ[_CHECKSUM + algorithm] = value


def _algorithm(header: str) -> str:
    """The algorithm of an ``x-amz-checksum-`` header."""
    return header.lower().removeprefix("x-amz-checksum-").upper()


def _is_base64(text: str, size: int) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == size
    except (binascii.Error, ValueError):
        return False
