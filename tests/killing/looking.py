"""What S3 shows, read over the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from tests.killing.checker import Seen
from tests.killing.journal import Content, Key, State, Version


def look(s3: Any, buckets: Iterable[str], keys: Iterable[Key]) -> Seen:
    """The state of ``keys``, and what is listed of all."""
    seen = Seen()
    for bucket in buckets:
        seen.listed |= _listed(s3, bucket)
        seen.uploads |= _uploads(s3, bucket)
    for key in keys:
        seen.states[key] = _state(s3, key)
    return seen


def content(s3: Any, key: Key, version: str | None = None) -> Content:
    """An object as a reader gets it: bytes, metadata and tags."""
    named = {"Bucket": key.bucket, "Key": key.name, **({} if version is None else {"VersionId": version})}
    reply = s3.get_object(**named)
    body = reply["Body"].read()
    assert reply["ContentLength"] == len(body), key
    tags = frozenset((tag["Key"], tag["Value"]) for tag in s3.get_object_tagging(**named)["TagSet"])
    return Content(
        reply["Metadata"].get("write", ""),
        hashlib.sha256(body).hexdigest(),
        hashlib.md5(body).hexdigest(),
        len(body),
        frozenset([reply["ETag"].strip('"')]),
        tags,
    )


def versions(s3: Any, key: Key) -> list[dict[str, Any]]:
    """Every version and delete marker of a key, as S3 lists them."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=key.bucket, Prefix=key.name)
    found = [one for page in pages for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]
    return [one for one in found if one["Key"] == key.name]


def _state(s3: Any, key: Key) -> State:
    found = sorted(versions(s3, key), key=lambda one: not one["IsLatest"])
    assert sum(one["IsLatest"] for one in found) == bool(found), found
    return tuple(_version(s3, key, one) for one in found)


def _version(s3: Any, key: Key, one: dict[str, Any]) -> Version:
    id = one["VersionId"]
    if "ETag" not in one:
        return Version(None, id)
    current = content(s3, key, None if one["IsLatest"] else id)
    assert one["ETag"].strip('"') in current.etags, key
    return Version(current, id)


def _listed(s3: Any, bucket: str) -> dict[Key, tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = [one for page in pages for one in page.get("Contents", [])]
    return {Key(bucket, one["Key"]): (one["ETag"].strip('"'), one["Size"]) for one in found}


def _uploads(s3: Any, bucket: str) -> dict[str, tuple[Key, dict[int, str]]]:
    found: dict[str, tuple[Key, dict[int, str]]] = {}
    for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        parts = s3.list_parts(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"]).get("Parts", [])
        etags = {part["PartNumber"]: part["ETag"].strip('"') for part in parts}
        found[one["UploadId"]] = (Key(bucket, one["Key"]), etags)
    return found
