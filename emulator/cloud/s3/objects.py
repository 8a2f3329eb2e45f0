"""The ObjectStore over moto's S3: the same buckets a client sees, without HTTP and without whole bodies in memory."""

from __future__ import annotations

import calendar
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from emulator.objects.port import AccessDenied, NoSuchBucket, NoSuchKey, ObjectInfo

if TYPE_CHECKING:
    from emulator.cloud.s3.service import S3


class Objects:
    """S3 inside the process. ``ready`` makes moto ready and answers its S3."""

    def __init__(self, account: str, ready: Callable[[], S3]) -> None:
        self._account = account
        self._ready = ready

    def list(self, bucket: str, prefix: str = "", *, account: str | None = None) -> Iterator[ObjectInfo]:
        found = self._bucket(bucket, account)
        from emulator.cloud.s3.listing import current

        return (_info(key) for key in current(found.keys, prefix))

    def open(self, bucket: str, key: str, *, account: str | None = None) -> BinaryIO:
        from emulator.objects.reading import BodyFile

        s3 = self._ready()
        with s3.graves.visit() as visit:
            return cast("BinaryIO", BodyFile(s3.blobs, self._body(bucket, key, account), visit.keep()))

    def place(self, bucket: str, key: str, target: Path, *, shared: bool = False, account: str | None = None) -> None:
        from emulator.objects import reading

        s3 = self._ready()
        with s3.graves.visit():
            reading.place(s3.blobs, self._body(bucket, key, account), target, shared=shared)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | BinaryIO,
        *,
        kms_key_id: str | None = None,
        account: str | None = None,
    ) -> ObjectInfo:
        s3 = self._ready()
        self._bucket(bucket, account)

        def store(claim: Any) -> Any:
            return self._backend(account).put_object(
                bucket, key, claim, encryption="aws:kms" if kms_key_id else None, kms_key_id=kms_key_id
            )

        with _translated(bucket), s3.request():  # the bucket may be deleted while the body is written
            claim = s3.reception.take(io.BytesIO(body) if isinstance(body, bytes) else body)
            return _info(s3.changing(bucket, key, lambda: store(claim)))

    def delete(self, bucket: str, key: str, *, account: str | None = None) -> None:
        s3 = self._ready()
        self._bucket(bucket, account)
        with _translated(bucket), s3.request():
            s3.changing(bucket, key, lambda: self._backend(account).delete_object(bucket, key))

    def _body(self, bucket: str, key: str, account: str | None) -> Any:
        found = self._bucket(bucket, account).keys.get(key)
        if not _is_object(found):
            raise NoSuchKey(bucket, key)
        from emulator.cloud.s3.claims import body_of

        return body_of(found)

    def _backend(self, account: str | None) -> Any:
        self._ready()
        from moto.s3.models import s3_backends

        # Any partition will do: a bucket is found by its name, wherever it is.
        return s3_backends[account or self._account]["aws"]

    def _bucket(self, bucket: str, account: str | None) -> Any:
        backend = self._backend(account)
        with _translated(bucket):
            return backend.get_bucket(bucket)


@contextmanager
def _translated(bucket: str) -> Iterator[None]:
    """What moto refuses, in the words of the port."""
    from moto.s3.exceptions import AccessDeniedByLock, MissingBucket

    try:
        yield
    except MissingBucket as error:
        raise NoSuchBucket(bucket) from error
    except AccessDeniedByLock as error:
        raise AccessDenied from error


def _is_object(key: Any) -> bool:
    """Whether a key's newest version is an object: not missing, and no delete marker."""
    return key is not None and hasattr(key, "contentsize")


def _info(key: Any) -> ObjectInfo:
    modified = calendar.timegm(key.last_modified.utctimetuple()) + key.last_modified.microsecond / 1e6
    return ObjectInfo(key.name, key.size, key.etag.strip('"'), modified)
