"""S3 as a whole: requests in, replies out, and what was acknowledged is kept."""

from __future__ import annotations

import functools
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from moto.s3.models import s3_backends

from emulator.arns import partition
from emulator.cloud.catalogue import Catalogue
from emulator.cloud.s3 import (
    anonymous,
    completing,
    conditions,
    contract,
    copying,
    listing,
    marks,
    multipart,
    naming,
    posting,
    preflight,
    replies,
    requests,
    sending,
    signatures,
    sources,
    values,
)
from emulator.cloud.s3.claims import claims
from emulator.cloud.s3.ledger import Ledger
from emulator.cloud.s3.memory import forget_keys, held_bucket
from emulator.cloud.s3.reception import Part, Reception
from emulator.cloud.s3.replies import RECEIVED
from emulator.cloud.s3.sending import Asked, Sending
from emulator.cloud.s3.touches import Touch
from emulator.cloud.s3.turns import Turns
from emulator.objects import ranges
from emulator.objects.assembly import Assemblies
from emulator.objects.blobs import Blobs
from emulator.objects.graves import Graves, Visit
from emulator.objects.signature import SecretOf

_log = logging.getLogger(__name__)

T = TypeVar("T")


@functools.cache
def install() -> None:
    """Apply every hook to moto's S3, once in a process. Raises `contract.MotoDiffers`."""
    contract.check()
    for part in (
        values,
        multipart,
        copying,
        listing,
        replies,
        conditions,
        completing,
        posting,
        preflight,
        marks,
        anonymous,
    ):
        part.install()


class WasReset(OSError):
    """A request cannot be stored because everything was cleared while it was under way."""


class S3:
    """moto's S3, with bytes in ``directory`` and all else in ``catalogue``. `load` comes first."""

    def __init__(self, catalogue: Catalogue, directory: Path, *, synced: bool) -> None:
        install()
        self._catalogue = catalogue
        self.blobs = Blobs(directory, catalogue, synced=synced)
        self.graves = Graves(catalogue.lock, catalogue.is_named, self._remove)
        self._assemblies = Assemblies(self.blobs)
        self.ledger = Ledger(catalogue, self.blobs, self._assemblies, self._bury, self.graves.alone)
        self.reception = Reception(self.blobs, self._assemblies, claims.made)
        self.sending = Sending(self.blobs)
        self._turns = Turns()
        self._resets = 0
        self._local = threading.local()

    def load(self) -> None:
        """Give moto what was kept."""
        claims.use(self.blobs, self._assemblies.closed)
        self.ledger.load()

    def has_bucket(self, name: str) -> bool:
        """Whether there is such a bucket, whoever owns it."""
        return held_bucket(name) is not None

    def make_bucket(self, name: str, account: str, region: str) -> None:
        """Make a bucket that is not there yet."""
        s3_backends[account][partition(region)].create_bucket(name, region)

    def forget(self) -> None:
        """Let go of the keys; before moto is emptied."""
        forget_keys()

    def close(self) -> None:
        """Let go of the bytes."""
        claims.use(None)

    def clear(self) -> None:
        """Remove every byte; the catalogue's rows are its owner's affair. To be called under the catalogue's lock.

        Requests that are under way lose the bytes that they have stored, and cannot be stored any more.
        """
        marks.touches.take_stray()
        self._assemblies.clear()
        self.graves.clear()
        self.blobs.clear()
        self._resets += 1  # last: whoever began before may have stored bytes that are gone

    @contextmanager
    def request(self) -> Iterator[Visit]:
        """Around a request, or whatever else may change S3, from before its bytes come in to after its commit.

        Blobs that were made inside, and that no row names at the end, are removed.
        """
        with self.graves.visit() as visit, claims.request() as made, marks.touches.recording():
            outer = getattr(self._local, "began", None)
            self._local.began = self._resets
            try:
                yield visit
            finally:
                self._local.began = outer
                if made:
                    with self._catalogue.lock:
                        self._bury(made)

    def commit(self) -> None:
        """Store what the request that is under way has changed. Raises OSError and sqlite3.Error."""
        with marks.touches.recording() as touched:
            if not touched and not marks.touches.astray:
                return  # reads do not wait for those who write
            try:
                with self._catalogue.lock:
                    self._commit(touched)
            finally:
                touched.clear()

    @contextmanager
    def turn(self, environ: dict[str, Any]) -> Iterator[None]:
        """Where a request may change something: wait for those that change the same, from looking whether it may be
        changed until the change is stored."""
        if not requests.changes(environ):
            yield
            return
        bucket, key = requests.bucket_and_key(environ)
        with self._turns.of(bucket, [unquote(key)] if key else environ.get(naming.NAMED, ())):
            yield

    def changing(self, bucket: str, key: str, change: Callable[[], T]) -> T:
        """Run a change of an object that comes by no request, and make it durable."""
        with self._turns.of(bucket, [key]):
            result = change()
            self.commit()
            return result

    def receive(self, environ: dict[str, Any], secret_of: SecretOf) -> Asked:
        """Take what moto need not see out of a request: the bytes of an upload, the range of a read.

        Raises `WireError`, also for a presigned request that does not allow what it asks for, and OSError.
        """
        signatures.verify(environ, secret_of)
        requests.check_key(environ)
        number = requests.part_number(environ)
        if number is not None:
            ranges.part_number(number)
        requests.check_source_range(environ)
        if requests.is_upload(environ):
            environ[RECEIVED] = self.reception.receive(environ, _part(environ))
        elif requests.is_form(environ):
            bucket, _ = requests.bucket_and_key(environ)
            environ[RECEIVED] = posting.receive(environ, bucket, self.reception, secret_of)
        elif requests.is_deletion(environ):
            naming.receive(environ)
        elif requests.is_copy(environ):
            sources.digest(environ, _part(environ))
        return sending.take_out(environ) if requests.is_read(environ) else Asked()

    def _commit(self, touched: set[Touch]) -> None:
        if self._local.began != self._resets:
            self.ledger.take_back(touched)
            raise WasReset("The emulator was reset while the request was under way.")
        self.ledger.commit(touched)

    def _bury(self, names: Iterable[str]) -> None:
        """Let those of ``names`` go that no row names; under the catalogue's lock.

        First of all they get no more parts: a request that begins after the burial would not keep them from being
        removed while it writes to one.
        """
        dead = [name for name in names if not self._catalogue.is_named(name)]
        if dead:
            self._assemblies.leave(dead)
            self.graves.bury(dead)

    def _remove(self, names: list[str]) -> None:
        """What cannot be removed now goes at the next start; the request that comes to its end here was answered."""
        small = [name for name in names if Blobs.is_small(name)]
        try:
            self.blobs.remove(names)
            if small:
                with self._catalogue.transaction():
                    self._catalogue.drop_blobs(small)
        except (OSError, sqlite3.Error) as error:
            _log.warning("blobs that nobody needs could not be removed: %s", error)


def _part(environ: dict[str, Any]) -> Part | None:
    """Which part an upload is; None when it is none, or one of an upload that is not there."""
    asked = requests.query(environ)
    upload_id, number = asked.get("uploadId", [""])[0], requests.part_number(environ)
    bucket = held_bucket(requests.bucket_and_key(environ)[0])
    upload = bucket.multiparts.get(upload_id) if bucket is not None else None
    if upload is None or number is None:
        return None
    return Part(upload_id, int(number), multipart.algorithm_of(upload))
