"""Write-through persistence of S3 and IAM: after a change and before its reply, what was touched is committed.

A commit never stores what a request *did*; it stores what moto holds *now* of the names that were touched, read
under one lock. So two writers of one key are committed in the order of moto's own result, whoever commits last.
"""

from __future__ import annotations

import pickle
import sqlite3
import threading
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, TypeVar

import moto
from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from emulator.cloud import hooks, pickles
from emulator.cloud.bodies import Bodies, StoredBody
from emulator.cloud.catalogue import Catalogue, ServiceRow, StateUnreadable
from emulator.cloud.memory import Memory, held_bucket, held_keys
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
        self._memory = Memory(catalogue, bodies)

    def load(self) -> bool:
        """Give moto what the catalogue holds; False when the catalogue is new. Raises `StateUnreadable`."""
        written_by = self._catalogue.meta("moto")
        if written_by is None:
            self._sign()
            return False
        try:
            self._memory.load()
        except _UNREADABLE as error:
            raise StateUnreadable(
                f"The state of S3 and IAM was written with moto {written_by} and cannot be read with moto "
                f"{moto.__version__} ({error}). Install moto=={written_by}, or start with an empty data directory."
            ) from error
        self._bodies.keep_only(self._catalogue.bodies())
        self._sign()
        return True

    def commit(self, touched: Iterable[Touch]) -> None:
        """Store what moto holds of ``touched``; durable when this returns.

        Raises OSError or sqlite3.Error when that is not possible, such as with a full disk; moto has then forgotten
        what was changed.
        """
        names = set(touched) | hooks.touches.take_stray()
        if not names:
            return
        fresh: set[str] = set()
        try:
            dead = self._write(names, fresh)
        except (OSError, sqlite3.Error):
            self._take_back(names, fresh)
            raise
        self._bodies.bury(dead)

    def commit_iam(self) -> None:
        """Store every account's IAM that differs from what is stored. Raises as `commit` does."""
        with self._lock:
            for account, partition, backend in list(iam_backends.iter_backends()):
                data = _retried(lambda backend=backend: pickle.dumps(backend, protocol=5))  # type: ignore[misc]
                digest = sha256(data).digest()
                if self._digests.get((account, partition)) == digest:
                    continue
                row = ServiceRow("iam", account, partition, data, _access_keys(backend))
                try:
                    with self._catalogue.transaction():
                        self._catalogue.put_service(row)
                except (OSError, sqlite3.Error):
                    self._memory.restore_iam(account, partition)
                    raise
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

    def _write(self, names: set[Touch], fresh: set[str]) -> set[str]:
        """Write ``names``; answers the bodies nobody names any more. ``fresh`` is given every body that is made."""
        # The long part, copying bytes, happens outside of the lock. An object that is replaced before its row is
        # written leaves a body that no row ever names: dead, unless a row of this commit names it.
        for touch in names:
            fresh.update(ref for key in held_keys(touch) if (ref := self._settle(key)) is not None)
        with self._lock, self._catalogue.transaction() as dead:
            dead.update(fresh)
            for touch in names:
                _retried(lambda touch=touch: self._store(touch))  # type: ignore[misc]
        return dead

    def _take_back(self, names: set[Touch], fresh: set[str]) -> None:
        """Give moto what is stored of ``names`` again, and remove the bodies that were meant for them.

        A change of another request to one of the names that is not stored yet goes as well; it would have to be
        stored on the same full disk.
        """
        with self._lock:
            bodies = fresh | {ref for touch in names for key in held_keys(touch) if (ref := _ref(key)) is not None}
            for touch in names:
                self._memory.restore(touch)
            self._bodies.bury(bodies - self._catalogue.bodies())

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
        bucket = held_bucket(touch.bucket)
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


def _ref(key: FakeKey) -> str | None:
    return key._value_buffer.ref if isinstance(key._value_buffer, StoredBody) else None


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
