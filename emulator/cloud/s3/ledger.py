"""Write-through persistence of S3: after a change and before its reply, what was touched is committed.

A commit never stores what a request *did*; it stores what moto holds *now* of the names that were touched, read
under one lock. So two writers of one key are committed in the order of moto's own result, whoever commits last.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import moto
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from emulator.cloud.catalogue import Catalogue
from emulator.cloud.s3 import records
from emulator.cloud.s3.marks import touches
from emulator.cloud.s3.memory import Memory, held_bucket, keys_of
from emulator.cloud.s3.records import Records
from emulator.cloud.s3.touches import Bucket, Key, Known, Part, Touch, Upload
from emulator.cloud.services import shape
from emulator.objects.assembly import Assemblies
from emulator.objects.blobs import Blobs

_ATTEMPTS = 10
_UNREADABLE = (pickle.UnpicklingError, AttributeError, ImportError, TypeError, LookupError, EOFError, ValueError)

T = TypeVar("T")


class Ledger:
    """Keeps moto's S3 in a `Catalogue`, whose rows name the blobs in `Blobs`.

    ``bury`` is given the blobs that rows have ceased to name, under the catalogue's lock; ``alone`` says whether no
    other request can be using one.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        blobs: Blobs,
        assemblies: Assemblies,
        bury: Callable[[Iterable[str]], object],
        alone: Callable[[], bool],
    ) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self._assemblies = assemblies
        self._bury = bury
        self._alone = alone
        self._form = Records()
        self._memory = Memory(catalogue, self._form)

    def load(self) -> None:
        """Give a moto that holds nothing what the catalogue holds; sweep the blobs that no row names.

        Raises `StateUnreadable`.
        """
        written_by = self._catalogue.meta("moto") or moto.__version__
        try:
            self._memory.load(whole=written_by != moto.__version__)
        except _UNREADABLE as error:
            raise shape.unreadable(written_by, moto.__version__, f"S3: {error!r}") from error
        if written_by != moto.__version__:
            self._check_shapes(written_by)
        self._sweep()

    def _sweep(self) -> None:
        """Remove the blobs that no row names: those of requests that a killed process had not answered."""
        with self._catalogue.transaction():
            self._catalogue.drop_nameless()
        self._blobs.keep_only(self._catalogue.named())

    def _check_shapes(self, written_by: str) -> None:
        """What another version of moto wrote must have all that this one's code will look for."""
        for bucket in self._memory.loaded():
            lacking = shape.missing(bucket)
            if lacking is not None:
                raise shape.unreadable(written_by, moto.__version__, f"S3: {lacking} is missing")

    def commit(self, touched: Iterable[Touch]) -> None:
        """Store what moto holds of ``touched``; durable when this returns.

        Raises OSError or sqlite3.Error when that is not possible, such as with a full disk; moto has then forgotten
        what was changed.
        """
        names = set(touched) | touches.take_stray()
        if not names:
            return
        try:
            with self._catalogue.lock:
                self._write(names)
        except BaseException:
            self.take_back(names)
            raise

    def _write(self, names: set[Touch]) -> None:
        stored: list[str] = []
        with self._catalogue.transaction() as lost:
            for touch in names:
                stored += _retried(lambda touch=touch: self._store(touch))  # type: ignore[misc]
            if self._alone():  # small blobs that this leaves without a name go along with it
                gone = {name for name in lost if Blobs.is_small(name) and not self._catalogue.is_named(name)}
                self._catalogue.drop_blobs(gone)
                lost.difference_update(gone)
        self._blobs.settled(stored)
        self._bury(lost)

    def take_back(self, names: Iterable[Touch]) -> None:
        """Give moto what is stored of ``names`` again.

        A change of another request to one of the names that is not stored yet goes as well; it would have to be
        stored on the same full disk.
        """
        with self._catalogue.lock:
            for touch in names:
                self._memory.restore(touch)

    def _store(self, touch: Touch) -> list[str]:
        """Write what moto holds of ``touch``; answers the small blobs that became rows with it."""
        bucket = held_bucket(touch.bucket)
        if bucket is None:
            if isinstance(touch, Bucket):  # others have nothing left to say
                self._catalogue.drop_bucket(touch.bucket)
            return []
        match touch:
            case Bucket():
                backend = s3_backends[bucket.account_id][bucket.partition]
                data = records.of_bucket(bucket, _tags(backend, [bucket.arn]))
                self._catalogue.put_bucket(bucket.name, bucket.account_id, bucket.partition, data)
            case Key(name=name) | Known(name=name):
                return self._store_key(bucket, name)
            case Upload(upload=upload):
                self._store_upload(bucket, upload)
            case Part(upload=upload, number=number):
                return self._store_part(bucket, upload, number)
        return []

    def _store_key(self, bucket: FakeBucket, name: str) -> list[str]:
        versions = list(keys_of(bucket).getlist(name, []))
        if not versions:
            self._catalogue.drop_object(bucket.name, name)
            return []
        backend = s3_backends[bucket.account_id][bucket.partition]
        arns = [version.arn for version in versions if isinstance(version, FakeKey)]
        data, blobs = self._form.of_versions(versions, _tags(backend, arns))
        self._catalogue.put_object(bucket.name, name, data, blobs)
        return self._store_small(blobs)

    def _store_upload(self, bucket: FakeBucket, upload_id: str) -> None:
        upload = bucket.multiparts.get(upload_id)
        if upload is None:
            self._catalogue.drop_upload(bucket.name, upload_id)
            self._assemblies.forget(upload_id)
            return
        self._catalogue.put_upload(bucket.name, upload_id, records.of_upload(upload))

    def _store_part(self, bucket: FakeBucket, upload_id: str, number: int) -> list[str]:
        upload = bucket.multiparts.get(upload_id)
        part = upload.parts.get(number) if upload is not None else None
        if part is None:
            return []  # completed or aborted meanwhile: the upload's own mark drops the parts
        data, blobs = self._form.of_part(part)
        self._catalogue.put_part(bucket.name, upload_id, number, data, blobs)
        return self._store_small(blobs)

    def _store_small(self, blobs: set[str]) -> list[str]:
        waiting = list(self._blobs.waiting(blobs))
        for name, data in waiting:
            self._catalogue.put_blob(name, data)
        return [name for name, _ in waiting]


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
