"""What kind of S3 request a WSGI environ is, as far as an object's bytes are concerned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_to_bytes, urlparse

from emulator.objects.wire_error import InvalidArgument, KeyTooLong

LONGEST_KEY = 1024
"""In bytes."""

_OBJECT = re.compile(r"/+[^/]+/.", re.DOTALL)
_SOURCE_RANGE = re.compile(r"bytes=[0-9]{1,20}-[0-9]{1,20}")
_BUCKET = re.compile(r"/+[^/]+/?")

_SUBRESOURCES = frozenset(
    (
        *("acl", "annotation", "attributes", "encryption", "legal-hold", "restore"),
        *("retention", "select", "tagging", "torrent", "uploads"),
    )
)
"""Parts of an object that are read and written by themselves."""


def query(environ: Mapping[str, Any]) -> dict[str, list[str]]:
    """The parameters of the query, those without a value included."""
    return parse_qs(environ["QUERY_STRING"], keep_blank_values=True)


def check_key(environ: Mapping[str, Any]) -> None:
    """Raise `KeyTooLong` where a request would make an object of a name that none can have."""
    if environ["REQUEST_METHOD"] in ("PUT", "POST"):
        _, key = bucket_and_key(environ)
        check_length(unquote_to_bytes(key.encode("latin-1")))


def check_length(key: bytes) -> None:
    """Raise `KeyTooLong` for a key that is longer than S3's are."""
    if len(key) > LONGEST_KEY:
        raise KeyTooLong(len(key), LONGEST_KEY)


def is_upload(environ: Mapping[str, Any]) -> bool:
    """Whether the body of a request is an object, or a part of one."""
    if environ["REQUEST_METHOD"] != "PUT" or "HTTP_X_AMZ_COPY_SOURCE" in environ or not _names_object(environ):
        return False
    asked = query(environ).keys()
    return not (asked & _SUBRESOURCES) and ("uploadId" in asked) == ("partNumber" in asked)


def is_copy(environ: Mapping[str, Any]) -> bool:
    """Whether a request makes an object, or a part of one, of another object."""
    return environ["REQUEST_METHOD"] == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ and _names_object(environ)


def copy_source(environ: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Bucket, key (decoded; either may be empty) and version of what a request copies."""
    source = urlparse(environ["HTTP_X_AMZ_COPY_SOURCE"])
    bucket, _, key = unquote(source.path).lstrip("/").partition("/")
    return bucket, key, parse_qs(source.query).get("versionId", [None])[0]


def copied_range(environ: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """First and last byte of a copied range; None and None for the whole. The range's form was checked."""
    asked = environ.get("HTTP_X_AMZ_COPY_SOURCE_RANGE")
    if asked is None:
        return None, None
    first, _, last = str(asked).removeprefix("bytes=").partition("-")
    return int(first), int(last)


def part_number(environ: Mapping[str, Any]) -> str | None:
    """The number, as it was sent, of the part that a request uploads or copies; None where it does neither."""
    asked = query(environ) if environ["REQUEST_METHOD"] == "PUT" else {}
    return asked["partNumber"][0] if "uploadId" in asked and "partNumber" in asked else None


def check_source_range(environ: Mapping[str, Any]) -> None:
    """Raise `InvalidArgument` for a range of a copied part that is not of the only form that S3 takes there."""
    asked = environ.get("HTTP_X_AMZ_COPY_SOURCE_RANGE")
    if asked is not None and _SOURCE_RANGE.fullmatch(asked) is None:
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            asked,
        )


def is_read(environ: Mapping[str, Any]) -> bool:
    """Whether the reply to a request shows an object."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not _names_object(environ):
        return False
    asked = query(environ).keys()
    return not (asked & _SUBRESOURCES) and "uploadId" not in asked


def is_form(environ: Mapping[str, Any]) -> bool:
    """Whether a request is a browser's upload by form."""
    is_form = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    return environ["REQUEST_METHOD"] == "POST" and is_form and _BUCKET.fullmatch(_path(environ)) is not None


def is_deletion(environ: Mapping[str, Any]) -> bool:
    """Whether the body of a request names objects to delete."""
    of_bucket = _BUCKET.fullmatch(_path(environ)) is not None
    return environ["REQUEST_METHOD"] == "POST" and of_bucket and "delete" in query(environ)


def changes(environ: Mapping[str, Any]) -> bool:
    """Whether a request may change the object that it names."""
    return environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE")


def bucket_and_key(environ: Mapping[str, Any]) -> tuple[str, str]:
    """The bucket and the (still encoded) key that a request names; each may be empty."""
    bucket, _, key = _path(environ).lstrip("/").partition("/")
    return bucket, key


def _names_object(environ: Mapping[str, Any]) -> bool:
    return _OBJECT.match(_path(environ)) is not None


def _path(environ: Mapping[str, Any]) -> str:
    return str(environ["RAW_URI"]).partition("?")[0]
