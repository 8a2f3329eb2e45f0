"""Write-through persistence of S3 and IAM: after a change and before its reply, what was touched is committed.

A commit never stores what a request *did*; it stores what moto holds *now* of the names that were touched, read
under one lock. So two writers of one key are committed in the order of moto's own result, whoever commits last.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, TypeVar

import moto
from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, s3_backends

from emulator.cloud import hooks, pickles
from emulator.cloud.bodies import Bodies, StoredBody
from emulator.cloud.catalogue import Catalogue, ServiceRow, StateUnreadable
from emulator.cloud.touches import Bucket, Key, Part, Touch, Upload

PERSISTED = ("s3", "iam")
"""The services whose state survives the end of the process; all others begin empty."""

_UNREADABLE = (pickle.UnpicklingError, AttributeError, ImportError, TypeError, KeyError, EOFError, ValueError)
_ATTEMPTS = 10

T = TypeVar("T")


class Durable:
    """Keeps moto's S3 and IAM in a `Catalogue`, their bytes in `Bodies`."""

    def __init__(self, catalogue: Catalogue, bodies: Bodies) -> None:
        self._catalogue = catalogue
        self._bodies = bodies
        self._lock = threading.Lock()
        self._digests: dict[tuple[str, str], bytes] = {}

    def load(self) -> bool:
        """Give moto what the catalogue holds; False when the catalogue is new. Raises `StateUnreadable`."""
        written_by = self._catalogue.meta("moto")
        if written_by is None:
            self._sign()
            return False
        try:
            self._load_iam()
            self._load_s3()
        except _UNREADABLE as error:
            raise StateUnreadable(
                f"The state of S3 and IAM was written with moto {written_by} and cannot be read with moto "
                f"{moto.__version__} ({error}). Install moto=={written_by}, or start with an empty data directory."
            ) from error
        self._bodies.keep_only(self._catalogue.bodies())
        self._sign()
        return True

    def commit(self, touched: Iterable[Touch]) -> None:
        """Store what moto holds of ``touched``; durable when this returns."""
        names = set(touched) | hooks.touches.take_stray()
        if not names:
            return
        # The long part, copying bytes, happens outside of the lock. An object that is replaced before its row is
        # written leaves a body that no row ever names: dead, unless a row of this commit names it.
        fresh = {ref for touch in names for key in _keys(touch) if (ref := self._settle(key)) is not None}
        with self._lock, self._catalogue.transaction() as dead:
            dead.update(fresh)
            for touch in names:
                _retried(lambda touch=touch: self._store(touch))  # type: ignore[misc]
        self._bodies.bury(dead)

    def commit_iam(self) -> None:
        """Store every account's IAM that differs from what is stored."""
        with self._lock:
            for account, partition, backend in list(iam_backends.iter_backends()):
                data = _retried(lambda backend=backend: pickle.dumps(backend, protocol=5))  # type: ignore[misc]
                digest = sha256(data).digest()
                if self._digests.get((account, partition)) == digest:
                    continue
                row = ServiceRow("iam", account, partition, data, _access_keys(backend))
                with self._catalogue.transaction():
                    self._catalogue.put_service(row)
                self._digests[account, partition] = digest

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            hooks.touches.take_stray()
            self._digests.clear()
            with self._catalogue.transaction():
                self._catalogue.clear()
                self._sign_inside()
            self._bodies.clear()

    def _sign(self) -> None:
        with self._catalogue.transaction():
            self._sign_inside()

    def _sign_inside(self) -> None:
        self._catalogue.set_meta("format", "1")
        self._catalogue.set_meta("moto", moto.__version__)

    def _load_iam(self) -> None:
        for row in self._catalogue.services():
            iam_backends[row.account][row.partition] = pickle.loads(row.data)  # noqa: S301 - our own file
            self._digests[row.account, row.partition] = sha256(row.data).digest()

    def _load_s3(self) -> None:
        for name, account, partition, data in list(self._catalogue.buckets()):
            backend = s3_backends[account][partition]
            bucket, tags = pickles.load(data, self._bodies)
            backend.tagger.tags.update(tags)
            backend.buckets[name] = bucket
            s3_backends.bucket_accounts[name] = (partition, account)
            for key, versions in self._catalogue.objects(name):
                entry, tags = pickles.load(versions, self._bodies)
                dict.__setitem__(bucket.keys, key, entry)
                backend.tagger.tags.update(tags)
            self._load_uploads(bucket)

    def _load_uploads(self, bucket: FakeBucket) -> None:
        for upload_id, data in list(self._catalogue.uploads(bucket.name)):
            upload = pickles.load(data, self._bodies)
            for number, part in self._catalogue.parts(bucket.name, upload_id):
                upload.parts[number] = pickles.load(part, self._bodies)
            upload.partlist = sorted(upload.parts)
            bucket.multiparts[upload_id] = upload

    def _settle(self, key: FakeKey) -> str | None:
        """Move the key's bytes to a body of their own and let moto read them from there; answers the new body."""
        with key.lock:
            buffer = key._value_buffer
            if isinstance(buffer, StoredBody) or key.disposed:
                return None
            try:
                _ = key.etag  # moto computes it from the buffer, without the key's lock: not while it is exchanged
                buffer.seek(0)
                saved = self._bodies.save(buffer)
            except ValueError:  # replaced by another request meanwhile, which closed the buffer
                return None
            key._value_buffer = StoredBody(self._bodies, saved.ref)  # type: ignore[assignment]
            buffer.close()
            return saved.ref

    def _store(self, touch: Touch) -> None:
        bucket = _bucket(touch.bucket)
        if bucket is None:
            self._catalogue.drop_bucket(touch.bucket)
            return
        match touch:
            case Bucket():
                backend = s3_backends[bucket.account_id][bucket.partition]
                data, _ = pickles.dump((bucket, _tags(backend, [bucket.arn])))
                self._catalogue.put_bucket(bucket.name, bucket.account_id, bucket.partition, data)
            case Key(name=name):
                self._store_key(bucket, name)
            case Upload(upload=upload):
                self._store_upload(bucket, upload)
            case Part(upload=upload, number=number):
                self._store_part(bucket, upload, number)

    def _store_key(self, bucket: FakeBucket, name: str) -> None:
        versions = list(bucket.keys.getlist(name, []))
        if not versions:
            self._catalogue.drop_object(bucket.name, name)
            return
        for key in versions:
            self._settle_now(key)
        backend = s3_backends[bucket.account_id][bucket.partition]
        arns = [version.arn for version in versions if isinstance(version, FakeKey)]
        data, bodies = pickles.dump((versions, _tags(backend, arns)))
        self._catalogue.put_object(bucket.name, name, data, bodies)

    def _store_upload(self, bucket: FakeBucket, upload_id: str) -> None:
        upload = bucket.multiparts.get(upload_id)
        if upload is None:
            self._catalogue.drop_upload(bucket.name, upload_id)
            return
        head = pickles.blank_upload(upload)
        self._catalogue.put_upload(bucket.name, upload_id, pickles.dump(head)[0])

    def _store_part(self, bucket: FakeBucket, upload_id: str, number: int) -> None:
        upload = bucket.multiparts.get(upload_id)
        part = upload.parts.get(number) if upload is not None else None
        if part is None:
            return  # completed or aborted meanwhile: the upload's own mark drops the parts
        self._settle_now(part)
        data, bodies = pickles.dump(part)
        self._catalogue.put_part(bucket.name, upload_id, number, data, bodies)

    def _settle_now(self, key: Any) -> None:
        """A version that came in after the commit began; raises when it cannot be settled, to try again."""
        if isinstance(key, FakeKey) and not isinstance(key._value_buffer, StoredBody):
            self._settle(key)
            if not isinstance(key._value_buffer, StoredBody):
                raise ValueError("the object was replaced while it was stored")


def _access_keys(backend: Any) -> tuple[str, ...]:
    return tuple(backend.access_keys)


def _bucket(name: str) -> FakeBucket | None:
    where = s3_backends.bucket_accounts.get(name)
    if where is None:
        return None
    partition, account = where
    return s3_backends[account][partition].buckets.get(name)


def _keys(touch: Touch) -> list[FakeKey]:
    """The keys with bytes that ``touch`` names."""
    bucket = _bucket(touch.bucket)
    if bucket is None:
        return []
    match touch:
        case Key(name=name):
            return [key for key in list(bucket.keys.getlist(name, [])) if not isinstance(key, FakeDeleteMarker)]
        case Part(upload=upload, number=number):
            parts = bucket.multiparts[upload].parts if upload in bucket.multiparts else {}
            return [parts[number]] if number in parts else []
    return []


def _tags(backend: Any, arns: list[str]) -> dict[str, dict[str, str]]:
    return {arn: dict(backend.tagger.tags[arn]) for arn in arns if arn in backend.tagger.tags}


def _retried(action: Callable[[], T]) -> T:
    """Run ``action`` again when another request changed what it was reading: moto has no locks of its own."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return action()
        except (RuntimeError, ValueError):
            continue
    return action()
