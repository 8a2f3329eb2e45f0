"""Multipart uploads without bytes: parts are claims, and the whole is their bodies, joined."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from moto.s3.exceptions import (
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRange,
    MalformedXML,
    MissingKey,
    NoSuchUpload,
    S3ClientError,
)
from moto.s3.models import FakeKey, FakeMultipart, S3Backend
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from emulator.cloud.s3.claims import Claim, body_of, claims, drop_what_is_no_metadata, held_of
from emulator.cloud.s3.values import claim_of
from emulator.objects import checksum
from emulator.objects.body import cut, joined


class Completed:
    """What is left of an upload when it is completed: its id and the sizes of its parts, in bytes.

    Stands where moto keeps the whole ``FakeMultipart``, with a key for each part.
    """

    __slots__ = ("id", "sizes")

    def __init__(self, id: str, sizes: Sequence[int]) -> None:
        self.id = id
        self.sizes = tuple(sizes)

    def dispose(self) -> None:
        """moto disposes of an upload with its key; nothing is left to dispose of."""


def algorithm_of(upload: FakeMultipart) -> str:
    """The checksum algorithm of an upload."""
    return str(upload.metadata.get("x-amz-checksum-algorithm") or checksum.DEFAULT).upper()


def type_of(upload: FakeMultipart) -> str:
    """``COMPOSITE`` or ``FULL_OBJECT``, with S3's default for the algorithm."""
    default = "FULL_OBJECT" if algorithm_of(upload) == "CRC64NVME" else "COMPOSITE"
    return str(upload.metadata.get("x-amz-checksum-type") or default).upper()


def install() -> None:
    """Replace what in moto joins, cuts or copies the bytes of parts."""
    _refuse_what_has_no_checksum()
    _complete_by_joining()
    _keep_checksums_of_parts()
    _copy_parts_by_cutting()


def _refuse_what_has_no_checksum() -> None:
    original = S3Backend.create_multipart_upload

    @functools.wraps(original)
    def create_multipart_upload(self: S3Backend, bucket_name: str, *given: Any, **named: Any) -> FakeMultipart:
        upload = original(self, bucket_name, *given, **named)
        refusal = _impossible(algorithm_of(upload), type_of(upload))
        if refusal is not None:
            del self.get_bucket(bucket_name).multiparts[upload.id]
            raise S3ClientError("InvalidRequest", refusal)
        return upload

    S3Backend.create_multipart_upload = create_multipart_upload  # type: ignore[method-assign]


def _impossible(algorithm: str, kind: str) -> str | None:
    """Why there is no such checksum of an object in parts."""
    if algorithm not in checksum.ALGORITHMS:
        return "Checksum algorithm provided is unsupported. Please try again with any of the valid types."
    if algorithm not in checksum.COMBINED if kind == "FULL_OBJECT" else algorithm == "CRC64NVME":
        return f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
    return None


def _complete_by_joining() -> None:
    original = S3Backend.complete_multipart_upload

    def complete(self: FakeMultipart, body: Iterator[tuple[int, str]]) -> tuple[Any, str, tuple[str, str, int]]:
        parts = list(chosen(self, body))
        digest = hashlib.md5(b"".join(bytes.fromhex(_etag(part)) for part in parts), usedforsecurity=False)
        claim = Claim(claims.closed(self.id, joined(body_of(part) for part in parts)), md5="")
        return claim, f"{digest.hexdigest()}-{len(parts)}", checksum_of(self, parts)

    def complete_multipart_upload(
        self: S3Backend, bucket_name: str, multipart_id: str, body: Iterator[tuple[int, str]]
    ) -> FakeKey | None:
        upload = self.get_bucket(bucket_name).multiparts.get(multipart_id)
        if upload is None:
            raise NoSuchUpload(upload_id=multipart_id)
        named = list(body)
        key = original(self, bucket_name, multipart_id, iter(named))
        if key is not None:
            sizes = [upload.parts[number].size for number, _ in named]
            key.multipart = cast("Any", Completed(multipart_id, sizes))
            key.checksum_algorithm = algorithm_of(upload)
            drop_what_is_no_metadata(key)
        return key

    FakeMultipart.complete = complete  # type: ignore[method-assign]
    S3Backend.complete_multipart_upload = complete_multipart_upload  # type: ignore[method-assign]


def chosen(upload: FakeMultipart, asked: Iterable[tuple[int, str]]) -> Iterator[FakeKey]:
    """The parts a completion names, in turn; raises S3's errors."""
    last: FakeKey | None = None
    before = 0
    for number, etag in asked:
        if number <= before:
            raise InvalidPartOrder
        before, part = number, upload.parts.get(number)
        if part is None or _etag(part) != etag.strip('"'):
            raise InvalidPart
        if last is not None and last.size < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall
        last = part
        yield part
    if last is None:
        raise MalformedXML


def _etag(part: FakeKey) -> str:
    return part.etag.strip('"')


def checksum_of(upload: FakeMultipart, parts: Sequence[FakeKey]) -> tuple[str, str, int]:
    """Type, value and number of parts (1 for a full object's), as moto wants them."""
    algorithm = algorithm_of(upload)
    if type_of(upload) == "COMPOSITE":
        values = [_checksum_of_part(part, algorithm) for part in parts]
        return "COMPOSITE", checksum.composite(algorithm, values), len(parts)
    pairs = [(_checksum_of_part(part, algorithm), part.size) for part in parts]
    return "FULL_OBJECT", checksum.combined(algorithm, pairs), 1


def _checksum_of_part(part: FakeKey, algorithm: str) -> str:
    """As it came in with the part; read from its bytes where another algorithm did."""
    if part.checksum_algorithm == algorithm and part.checksum_value:
        return part.checksum_value
    return held_of(part).digests(algorithm)[algorithm]


def _keep_checksums_of_parts() -> None:
    original = FakeMultipart.set_part

    def set_part(self: FakeMultipart, part_id: int, value: Any) -> FakeKey:
        part = original(self, part_id, value)
        algorithm = algorithm_of(self)
        if isinstance(value, Claim) and algorithm in value.checksums:
            part.checksum_algorithm, part.checksum_value = algorithm, value.checksums[algorithm]
        return part

    FakeMultipart.set_part = set_part  # type: ignore[method-assign]


def _copy_parts_by_cutting() -> None:
    def upload_part_copy(  # noqa: PLR0917 - moto's own
        self: S3Backend,
        dest_bucket_name: str,
        multipart_id: str,
        part_id: int,
        src_bucket_name: str,
        src_key_name: str,
        src_version_id: str | None,
        start_byte: int | None,
        end_byte: int | None,
    ) -> FakeKey:
        upload = self.get_bucket(dest_bucket_name).multiparts.get(multipart_id)
        if upload is None:
            raise NoSuchUpload(upload_id=multipart_id)
        source = self.get_object(src_bucket_name, src_key_name, version_id=src_version_id)
        if source is None:
            raise MissingKey(key=src_key_name)
        return upload.set_part(part_id, cut_claim(source, start_byte, end_byte, algorithm_of(upload)))

    S3Backend.upload_part_copy = upload_part_copy  # type: ignore[method-assign]


def cut_claim(source: FakeKey, start: int | None, end: int | None, algorithm: str) -> Any:
    """A part's claim on the bytes from ``start`` to ``end`` (included). They are read for their ETag, not copied, and
    once in a request. Raises moto's InvalidRange."""
    if start is None or end is None:
        return claim_of(source, algorithm)
    if end >= source.size or start > end:
        raise InvalidRange(actual_size=str(source.size), range_requested=f"bytes={start}-{end}")
    held = claims.cut(cut(body_of(source), start, end + 1))
    found = held.digests("MD5", algorithm)
    return Claim(held.body, base64.b64decode(found["MD5"]).hex(), found, held=held)
