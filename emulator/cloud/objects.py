"""The ObjectStore over moto's S3: the same buckets a client sees, without HTTP and without whole bodies in memory."""

from __future__ import annotations

import calendar
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from emulator.cloud.bodies import Bodies, StoredBody
from emulator.objects import placing
from emulator.objects.port import AccessDenied, NoSuchBucket, NoSuchKey, ObjectInfo


class Changing(Protocol):
    """Runs a change of moto's state and makes it durable."""

    def __call__(self, change: Callable[[], Any]) -> Any: ...


class Objects:
    """S3 inside the process. ``ready`` makes moto ready; ``changing`` runs a change and commits it."""

    def __init__(self, account: str, bodies: Bodies, ready: Callable[[], Any], changing: Changing) -> None:
        self._account = account
        self._bodies = bodies
        self._ready = ready
        self._changing = changing

    def list(self, bucket: str, prefix: str = "", *, account: str | None = None) -> Iterator[ObjectInfo]:
        found = self._bucket(bucket, account)
        names = sorted(name for name in dict(found.keys) if name.startswith(prefix))
        current = ((name, found.keys.get(name)) for name in names)
        return (_info(key) for _, key in current if _is_object(key))

    def open(self, bucket: str, key: str, *, account: str | None = None) -> BinaryIO:
        with self._bodies.reading():
            found = self._bucket(bucket, account).keys.get(key)
            if not _is_object(found):
                raise NoSuchKey(bucket, key)
            buffer = found._value_buffer
            return buffer.open() if isinstance(buffer, StoredBody) else io.BytesIO(found.value)

    def place(self, bucket: str, key: str, target: Path, *, shared: bool = False, account: str | None = None) -> None:
        with self.open(bucket, key, account=account) as body:
            if isinstance(body, io.FileIO | io.BufferedReader):
                path = Path(str(body.name))
                placing.place([placing.Piece(path, 0, path.stat().st_size)], target, shared=shared)
            else:
                with target.open("xb") as file:
                    shutil.copyfileobj(body, file)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | BinaryIO,
        *,
        kms_key_id: str | None = None,
        account: str | None = None,
    ) -> ObjectInfo:
        from emulator.cloud.hooks import Measured

        self._bucket(bucket, account)
        saved = self._bodies.save(io.BytesIO(body) if isinstance(body, bytes) else body)
        value = Measured(StoredBody(self._bodies, saved.ref), saved.size)
        try:
            stored = self._changing(
                lambda: self._backend(account).put_object(
                    bucket,
                    key,
                    value,
                    etag=saved.md5,
                    encryption="aws:kms" if kms_key_id else None,
                    kms_key_id=kms_key_id,
                )
            )
        except NoSuchBucket:  # deleted while the body was written
            self._bodies.bury({saved.ref})
            raise
        return _info(stored)

    def _backend(self, account: str | None) -> Any:
        self._ready()
        from moto.s3.models import s3_backends

        # Any partition will do: a bucket is found by its name, wherever it is.
        return s3_backends[account or self._account]["aws"]

    def _bucket(self, bucket: str, account: str | None) -> Any:
        backend = self._backend(account)
        from moto.s3.exceptions import AccessDeniedByLock, MissingBucket

        try:
            return backend.get_bucket(bucket)
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
