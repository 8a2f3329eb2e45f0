"""Marks: which buckets, keys, uploads and parts a request changes, noted as moto changes them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from moto.s3.models import FakeKey, FakeMultipart, S3Backend

from emulator.cloud.s3.touches import Bucket, Key, Part, Touches, Upload

CHANGES = ("create_", "put_", "delete_", "copy_", "upload_part", "complete_", "abort_", "restore_", "tag_", "untag_")
"""How the names of the methods begin that change something."""

touches = Touches()


def install() -> None:
    """Wrap every method of the S3 backend that changes something, whoever calls it."""
    for name, method in list(vars(S3Backend).items()):
        if inspect.isfunction(method) and name.startswith(CHANGES):
            setattr(S3Backend, name, _marking(method))


def _marking(method: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @functools.wraps(method)
    def marked(*args: Any, **kwargs: Any) -> Any:
        result = None
        try:
            result = method(*args, **kwargs)
        finally:  # a method that failed half-way may have changed something all the same
            _mark(signature.bind(*args, **kwargs).arguments, result)
        return result

    return marked


def _mark(given: dict[str, Any], result: Any) -> None:
    bucket, name = _target(given)
    upload = result.id if isinstance(result, FakeMultipart) else given.get("multipart_id")
    if bucket is None:
        return
    if upload is not None and "part_id" in given:
        touches.mark(Part(bucket, upload, given["part_id"]))
    elif upload is not None:
        touches.mark(Upload(bucket, upload))
    elif name is not None:
        touches.mark(Key(bucket, name))
    else:
        touches.mark(Bucket(bucket))


def _target(given: dict[str, Any]) -> tuple[str | None, str | None]:
    """The bucket and key a call of the S3 backend speaks about, by the names of its arguments."""
    key = given.get("key")
    if isinstance(key, FakeKey):
        return key.bucket_name, key.name
    bucket = given.get("dest_bucket_name") or given.get("bucket_name")
    if bucket is None and "arn" in given:
        bucket = str(given["arn"]).split(":")[-1]
    return bucket, given.get("dest_key_name") or given.get("key_name")
