"""moto's memory of S3: filled from the catalogue, at the start and again where a change could not be stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3.models import FakeBucket, FakeKey, s3_backends

from emulator.cloud.catalogue import Catalogue
from emulator.cloud.s3 import records
from emulator.cloud.s3.keys import IndexedKeys
from emulator.cloud.s3.records import Records
from emulator.cloud.s3.touches import Bucket, Key, Part, Touch, Upload


class Memory:
    """Gives moto what a `Catalogue` holds."""

    def __init__(self, catalogue: Catalogue, form: Records) -> None:
        self._catalogue = catalogue
        self._form = form

    def load(self, *, whole: bool) -> None:
        """Everything, into a moto that holds nothing. ``whole``: with every key, rather than when one is looked at."""
        for name, account, partition, data in list(self._catalogue.buckets()):
            self._load_bucket(name, account, partition, data)
        if whole:
            for bucket in self.loaded():
                for _ in keys_of(bucket).lists():
                    pass

    def loaded(self) -> Iterator[FakeBucket]:
        """Every bucket that the catalogue holds, as moto holds it."""
        return (bucket for name, *_ in list(self._catalogue.buckets()) if (bucket := held_bucket(name)) is not None)

    def restore(self, touch: Touch) -> None:
        """What is stored of ``touch`` in place of what moto holds."""
        row, held = self._catalogue.bucket(touch.bucket), held_bucket(touch.bucket)
        if row is None and isinstance(touch, Bucket):
            _forget_bucket(touch.bucket)
        elif row is not None and held is None:
            self._load_bucket(touch.bucket, *row)
        elif held is not None:
            match touch:
                case Bucket():
                    assert row is not None
                    self._restore_bucket(held, row[2])
                case Key(name=name):
                    self._restore_key(held, name)
                case Upload(upload=upload) | Part(upload=upload):
                    held.multiparts.pop(upload, None)
                    self._load_uploads(held, upload)

    def _load_bucket(self, name: str, account: str, partition: str, data: bytes) -> None:
        backend = s3_backends[account][partition]
        bucket, tags = records.bucket(data)
        backend.tagger.tags.update(tags)
        # where moto keeps the buckets of S3 Tables
        place = backend.buckets if type(bucket) is FakeBucket else backend.table_buckets
        place[name] = bucket  # type: ignore[assignment]
        s3_backends.bucket_accounts[name] = (partition, account)
        bucket.keys = IndexedKeys(lambda key, row: self._made(bucket, key, row))
        keys_of(bucket).load(self._catalogue.objects(name))
        self._load_uploads(bucket)

    def _made(self, bucket: FakeBucket, name: str, row: bytes) -> list[Any]:
        """The versions of a key, whose tags moto keeps elsewhere."""
        versions, tags = self._form.versions(name, row)
        if tags:
            s3_backends[bucket.account_id][bucket.partition].tagger.tags.update(tags)
        return versions

    def _load_uploads(self, bucket: FakeBucket, only: str | None = None) -> None:
        for upload_id, data in list(self._catalogue.uploads(bucket.name)):
            if only not in (None, upload_id):
                continue
            upload = records.upload(data)
            for number, part in self._catalogue.parts(bucket.name, upload_id):
                upload.parts[number] = self._form.part(number, part)
            upload.partlist = sorted(upload.parts)
            bucket.multiparts[upload_id] = upload

    def _restore_bucket(self, held: FakeBucket, data: bytes) -> None:
        """The bucket's configuration; what is in it stays."""
        stored, tags = records.bucket(data)
        state = {**vars(stored), "keys": held.keys, "multiparts": held.multiparts}
        vars(held).update(state)
        for name in vars(held).keys() - state.keys():
            del vars(held)[name]
        _set_tags(held, [held.arn], tags)

    def _restore_key(self, bucket: FakeBucket, name: str) -> None:
        arns = [version.arn for version in keys_of(bucket).getlist(name, []) if isinstance(version, FakeKey)]
        _set_tags(bucket, arns, {})
        data = self._catalogue.object(bucket.name, name)
        if data is None:
            keys_of(bucket).unload(name)
        else:
            keys_of(bucket).load([(name, self._made(bucket, name, data))])


def held_bucket(name: str) -> FakeBucket | None:
    """The bucket ``name`` as moto holds it now."""
    where = s3_backends.bucket_accounts.get(name)
    if where is None:
        return None
    partition, account = where
    backend = s3_backends[account][partition]
    return backend.buckets.get(name) or backend.table_buckets.get(name)


def forget_keys() -> None:
    """Take every key out of every bucket that moto holds: it would make, and dispose of, each when it is emptied."""
    for backend in (backend for partitions in list(s3_backends.values()) for backend in list(partitions.values())):
        for bucket in (*backend.buckets.values(), *backend.table_buckets.values()):
            keys_of(bucket).clear()


def keys_of(bucket: FakeBucket) -> IndexedKeys:
    """The keys of a bucket, with their index."""
    keys: Any = bucket.keys
    assert isinstance(keys, IndexedKeys), "the hooks give every bucket an index"
    return keys


def _forget_bucket(name: str) -> None:
    held = held_bucket(name)
    if held is not None:
        _set_tags(held, [held.arn], {})
        backend = s3_backends[held.account_id][held.partition]
        backend.buckets.pop(name, None)
        backend.table_buckets.pop(name, None)
    s3_backends.bucket_accounts.pop(name, None)


def _set_tags(bucket: FakeBucket, arns: list[str], tags: dict[str, dict[str, str | None]]) -> None:
    """``tags`` in place of those that ``arns`` have."""
    held = s3_backends[bucket.account_id][bucket.partition].tagger.tags
    for arn in arns:
        held.pop(arn, None)
    held.update(tags)
