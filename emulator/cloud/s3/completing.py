"""What a completion of an upload in parts says of the whole: looked at before that is made, and told in the reply."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from moto.s3.exceptions import InvalidPart, MalformedXML, MissingKey, PreconditionFailed, S3ClientError
from moto.s3.models import FakeKey, FakeMultipart
from moto.s3.responses import S3Response

from emulator.cloud.s3.multipart import algorithm_of, checksum_of, chosen

_END = "</CompleteMultipartUploadResult>"


def install() -> None:
    """Wrap moto's handler of completions; it has others of ``POST`` in it, which are let through."""
    S3Response._key_response_post = _completing(S3Response._key_response_post)  # type: ignore[method-assign]


def _completing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def handler(  # noqa: PLR0917 - moto's own
        self: S3Response, request: Any, body: Any, bucket_name: str, query: dict[str, Any], key_name: str
    ) -> Any:
        upload_id = query.get("uploadId", [None])[0]
        upload = self.backend.get_bucket(bucket_name).multiparts.get(upload_id) if upload_id is not None else None
        if upload is not None:
            _must_match(self.backend.get_object(bucket_name, key_name), self.headers.get("If-Match"))
            _must_be(upload, body, self.headers)
        status, headers, reply = original(self, request, body, bucket_name, query, key_name)
        key = self.backend.get_object(bucket_name, key_name) if upload_id is not None and status == 200 else None
        return status, headers, reply if key is None else _with_checksum(reply, key)

    return handler


def _must_match(present: FakeKey | None, wanted: str | None) -> None:
    if wanted is None:
        return
    if present is None:
        raise MissingKey
    if present.etag.strip('"') != wanted.strip('"'):
        raise PreconditionFailed("If-Match")


def _must_be(upload: FakeMultipart, body: bytes | str, headers: Mapping[str, str]) -> None:
    """Raise S3's error where parts or whole are not what the completion says they are."""
    algorithm, named = algorithm_of(upload), list(_named(body))
    parts = list(chosen(upload, ((number, etag) for number, etag, _ in named)))
    for part, (_, _, sums) in zip(parts, named, strict=True):
        if part.checksum_value and sums.get(algorithm, part.checksum_value) != part.checksum_value:
            raise InvalidPart
    size, wanted = sum(part.size for part in parts), headers.get("x-amz-mp-object-size")
    if wanted is not None and wanted != str(size):
        raise S3ClientError(
            "InvalidRequest",
            f"The provided 'x-amz-mp-object-size' header value {wanted} does not match what was computed: {size}",
        )
    given = headers.get(f"x-amz-checksum-{algorithm.lower()}")
    if given is not None and given != _shown(*checksum_of(upload, parts)):
        raise S3ClientError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def _named(body: bytes | str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Number, ETag and checksums (by algorithm) of each part that a completion names."""
    try:
        document = ET.fromstring(body)  # noqa: S314 - expat of today expands no bombs
        for part in document.iter():
            members = {member.tag.rpartition("}")[2]: member.text or "" for member in part}
            if part.tag.rpartition("}")[2] == "Part":
                sums = {name.removeprefix("Checksum"): text for name, text in members.items() if "Checksum" in name}
                yield int(members["PartNumber"]), members["ETag"], sums
    except (ET.ParseError, KeyError, ValueError):
        raise MalformedXML from None


def _shown(kind: str, value: str, count: int) -> str:
    """A checksum as S3 shows it; that of an object in parts says how many there are."""
    return f"{value}-{count}" if kind == "COMPOSITE" else value


def _with_checksum(reply: str, key: FakeKey) -> str:
    if not key.checksum_value or not key.checksum_type:
        return reply
    value = _shown(key.checksum_type, key.checksum_value, key.checksum_parts or 1)
    name = f"Checksum{key.checksum_algorithm}"
    shown = f"<{name}>{value}</{name}><ChecksumType>{key.checksum_type}</ChecksumType>"
    return reply.replace(_END, shown + _END)
