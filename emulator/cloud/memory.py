"""moto's memory of S3 and IAM: filled from the catalogue, at the start and again where a change could not be stored."""

from __future__ import annotations

import pickle

from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, s3_backends

from emulator.cloud import pickles
from emulator.cloud.bodies import Bodies
from emulator.cloud.catalogue import Catalogue
from emulator.cloud.touches import Bucket, Key, Part, Touch, Upload


class Memory:
    """Gives moto what a `Catalogue` holds."""

    def __init__(self, catalogue: Catalogue, bodies: Bodies) -> None:
        self._catalogue = catalogue
        self._bodies = bodies

    def load(self) -> None:
        """Everything, into a moto that holds nothing."""
        for row in list(self._catalogue.services()):
            iam_backends[row.account][row.partition] = pickle.loads(row.data)  # noqa: S301 - our own file
        for name, account, partition, data in list(self._catalogue.buckets()):
            self._load_bucket(name, account, partition, data)

    def restore(self, touch: Touch) -> None:
        """What is stored of ``touch`` in place of what moto holds."""
        row, held = self._catalogue.bucket(touch.bucket), held_bucket(touch.bucket)
        if row is None:
            _forget_bucket(touch.bucket)
        elif held is None:
            self._load_bucket(touch.bucket, *row)
        else:
            match touch:
                case Bucket():
                    self._restore_bucket(held, row[2])
                case Key(name=name):
                    self._restore_key(held, name)
                case Upload(upload=upload) | Part(upload=upload):
                    held.multiparts.pop(upload, None)
                    self._load_uploads(held, upload)

    def restore_iam(self, account: str, partition: str) -> None:
        """An account's IAM as it is stored; as moto makes it when none is."""
        data = self._catalogue.service("iam", account, partition)
        if data is None:
            iam_backends[account].pop(partition, None)
        else:
            iam_backends[account][partition] = pickle.loads(data)  # noqa: S301 - our own file

    def _load_bucket(self, name: str, account: str, partition: str, data: bytes) -> None:
        backend = s3_backends[account][partition]
        bucket, tags = pickles.load(data, self._bodies)
        backend.tagger.tags.update(tags)
        backend.buckets[name] = bucket
        s3_backends.bucket_accounts[name] = (partition, account)
        for key, versions in list(self._catalogue.objects(name)):
            self._load_key(bucket, key, versions)
        self._load_uploads(bucket)

    def _load_key(self, bucket: FakeBucket, name: str, data: bytes) -> None:
        versions, tags = pickles.load(data, self._bodies)
        dict.__setitem__(bucket.keys, name, versions)
        s3_backends[bucket.account_id][bucket.partition].tagger.tags.update(tags)

    def _load_uploads(self, bucket: FakeBucket, only: str | None = None) -> None:
        for upload_id, data in list(self._catalogue.uploads(bucket.name)):
            if only not in (None, upload_id):
                continue
            upload = pickles.load(data, self._bodies)
            for number, part in self._catalogue.parts(bucket.name, upload_id):
                upload.parts[number] = pickles.load(part, self._bodies)
            upload.partlist = sorted(upload.parts)
            bucket.multiparts[upload_id] = upload

    def _restore_bucket(self, held: FakeBucket, data: bytes) -> None:
        """The bucket's configuration; what is in it stays."""
        stored, tags = pickles.load(data, self._bodies)
        state = {**vars(stored), "keys": held.keys, "multiparts": held.multiparts}
        vars(held).update(state)
        for name in vars(held).keys() - state.keys():
            del vars(held)[name]
        _set_tags(held, [held.arn], tags)

    def _restore_key(self, bucket: FakeBucket, name: str) -> None:
        arns = [version.arn for version in bucket.keys.getlist(name, []) if isinstance(version, FakeKey)]
        _set_tags(bucket, arns, {})
        data = self._catalogue.object(bucket.name, name)
        if data is None:
            dict.pop(bucket.keys, name, None)
        else:
            self._load_key(bucket, name, data)


def held_bucket(name: str) -> FakeBucket | None:
    """The bucket ``name`` as moto holds it now."""
    where = s3_backends.bucket_accounts.get(name)
    if where is None:
        return None
    partition, account = where
    return s3_backends[account][partition].buckets.get(name)


def held_keys(touch: Touch) -> list[FakeKey]:
    """The keys with bytes that ``touch`` names, as moto holds them now."""
    bucket = held_bucket(touch.bucket)
    if bucket is None:
        return []
    match touch:
        case Key(name=name):
            return [key for key in list(bucket.keys.getlist(name, [])) if not isinstance(key, FakeDeleteMarker)]
        case Part(upload=upload, number=number):
            parts = bucket.multiparts[upload].parts if upload in bucket.multiparts else {}
            return [parts[number]] if number in parts else []
    return []


def _forget_bucket(name: str) -> None:
    held = held_bucket(name)
    if held is not None:
        _set_tags(held, [held.arn], {})
        s3_backends[held.account_id][held.partition].buckets.pop(name, None)
    s3_backends.bucket_accounts.pop(name, None)


def _set_tags(bucket: FakeBucket, arns: list[str], tags: dict[str, dict[str, str | None]]) -> None:
    """``tags`` in place of those that ``arns`` have."""
    held = s3_backends[bucket.account_id][bucket.partition].tagger.tags
    for arn in arns:
        held.pop(arn, None)
    held.update(tags)
