"""Conditions about the source of a copy, most of which moto does not look at."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from moto.s3.exceptions import PreconditionFailed
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response

_SOURCE = "x-amz-copy-source"


def install() -> None:
    """Look at them before moto does the work."""
    S3Response.copy_object = _of_source(S3Response.copy_object)  # type: ignore[method-assign]
    S3Response.upload_part_copy = _of_source(S3Response.upload_part_copy)  # type: ignore[method-assign]


def _of_source(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def handler(self: S3Response) -> Any:
        source = _source(self)
        failed = failing(self.headers, source) if source is not None else None
        if failed is not None:
            raise PreconditionFailed(failed)
        return original(self)

    return handler


def failing(headers: Mapping[str, str], source: FakeKey) -> str | None:
    """The condition about the source of a copy that does not hold; a tag's is looked at in place of a time's."""
    etag, changed = source.etag.strip('"'), source.last_modified.replace(microsecond=0)
    match, other = headers.get(f"{_SOURCE}-if-match"), headers.get(f"{_SOURCE}-if-none-match")
    before, after = (_time(headers.get(f"{_SOURCE}-if-{name}-since")) for name in ("unmodified", "modified"))
    if match is not None and match.strip('"') != etag:
        return f"{_SOURCE}-If-Match"
    if match is None and before is not None and changed > before:
        return f"{_SOURCE}-If-Unmodified-Since"
    if other is not None and other.strip('"') == etag:
        return f"{_SOURCE}-If-None-Match"
    if other is None and after is not None and changed <= after:
        return f"{_SOURCE}-If-Modified-Since"
    return None


def _source(response: S3Response) -> FakeKey | None:
    asked = urlparse(response.headers[_SOURCE])
    bucket, _, key = unquote(asked.path).lstrip("/").partition("/")
    version = parse_qs(asked.query).get("versionId", [None])[0]
    return response.backend.get_object(bucket, key, version_id=version)


def _time(text: str | None) -> Any:
    """A time of HTTP as moto has times, in UTC without saying so; None for none, and for one that cannot be read."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None
