"""A client that changes objects at random, and notes what it sent and what was acknowledged."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError

from tests.killing.journal import Change, Content, Journal, Key, State, Upload, Version

PLAIN, VERSIONED = "plain", "versioned"
_OWN_KEYS = 6
_SHARED_KEYS = 3
_SIZES = (10, 900, 20_000, 200_000, 2_000_000)
_PART_SIZES = {1: 5 << 20, 2: 300_000}
_OPEN_UPLOADS = 2
_MANY_VERSIONS = 5


class Writer(threading.Thread):
    """Changes keys of its own, and some that others change as well, until the server is gone.

    ``error`` is what went wrong otherwise: S3 refused something.
    """

    def __init__(self, s3: Any, journal: Journal, name: str, seed: int) -> None:
        super().__init__(name=name)
        self.acknowledged = 0
        self.error: Exception | None = None
        self._s3 = s3
        self._journal = journal
        self._random = random.Random(seed)
        self._writes = 0
        self._prefix = name.partition("@")[0]
        own = [Key(bucket, f"{self._prefix}/{n}") for bucket in (PLAIN, VERSIONED) for n in range(_OWN_KEYS)]
        self._own = {bucket: [key for key in own if key.bucket == bucket] for bucket in (PLAIN, VERSIONED)}

    def run(self) -> None:
        changes = list(self._weights())
        try:
            while True:
                self._random.choices(changes, [self._weights()[change] for change in changes])[0]()
        except BotoCoreError:
            return  # the server is gone
        except Exception as error:
            self.error = error

    def _weights(self) -> dict[Callable[[], None], int]:
        return {
            self._put: 6,
            self._put_shared: 3,
            self._delete: 2,
            self._delete_several: 1,
            self._delete_version: 2,
            self._copy: 2,
            self._tag: 2,
            self._start_upload: 1,
            self._send_part: 3,
            self._complete: 2,
            self._abort: 1,
        }

    def _put(self) -> None:
        key = self._key()
        self._put_to(key, self._journal.current(key))

    def _put_shared(self) -> None:
        key = Key(PLAIN, f"shared/{self._random.randrange(_SHARED_KEYS)}")
        if self._random.random() < 0.3:
            change = self._journal.begin(key, ())
            self._s3.delete_object(Bucket=key.bucket, Key=key.name)
            self._done(change)
        else:
            self._put_to(key, ())

    def _put_to(self, key: Key, before: State) -> None:
        body = self._random.randbytes(self._random.randrange(self._random.choice(_SIZES)))
        tags = frozenset([("turn", str(self._writes))]) if self._random.random() < 0.5 else frozenset()
        content = _content(self._write(), body, tags)
        change = self._journal.begin(key, _after(key, Version(content), before))
        tagging = {"Tagging": "&".join(f"{name}={value}" for name, value in tags)} if tags else {}
        named = {"Bucket": key.bucket, "Key": key.name}
        reply = self._s3.put_object(**named, Body=body, Metadata={"write": content.write}, **tagging)
        self._done(change, reply)

    def _delete(self) -> None:
        key = self._key()
        before = self._journal.current(key)
        if not before:
            return  # in a bucket with versions this would make a marker of nothing
        change = self._journal.begin(key, _after(key, Version(None), before) if key.bucket == VERSIONED else ())
        self._done(change, self._s3.delete_object(Bucket=key.bucket, Key=key.name))

    def _delete_several(self) -> None:
        keys = self._random.sample(self._own[PLAIN], 3)
        changes = [self._journal.begin(key, ()) for key in keys]
        self._s3.delete_objects(Bucket=PLAIN, Delete={"Objects": [{"Key": key.name} for key in keys]})
        for change in changes:
            self._done(change)

    def _delete_version(self) -> None:
        key = self._random.choice(self._own[VERSIONED])
        before = self._journal.current(key)
        if len(before) < _MANY_VERSIONS:
            return
        gone = self._random.choice(before)
        change = self._journal.begin(key, tuple(version for version in before if version is not gone))
        self._s3.delete_object(Bucket=key.bucket, Key=key.name, VersionId=gone.id)
        self._done(change)

    def _copy(self) -> None:
        source, target = self._random.sample(self._own[PLAIN], 2)
        before = self._journal.current(source)
        if not before or before[0].content is None:
            return
        content, id = before[0].content, self._write()
        etags = content.etags | {content.md5}  # the copy of what was made of parts is of one piece
        copied = replace(content, etags=etags, tags=frozenset([("write", id)]))
        change = self._journal.begin(target, (Version(copied),))
        tagging = {"TaggingDirective": "REPLACE", "Tagging": f"write={id}"}
        origin = {"Bucket": PLAIN, "Key": source.name}
        self._s3.copy_object(Bucket=PLAIN, Key=target.name, CopySource=origin, **tagging)
        self._done(change)

    def _tag(self) -> None:
        key = self._key()
        before = self._journal.current(key)
        if not before or before[0].content is None:
            return
        tags = {"write": self._write()}
        tagged = replace(before[0], content=replace(before[0].content, tags=frozenset(tags.items())))
        change = self._journal.begin(key, (tagged, *before[1:]))
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._s3.put_object_tagging(Bucket=key.bucket, Key=key.name, Tagging={"TagSet": tag_set})
        self._done(change)

    def _start_upload(self) -> None:
        key = self._key()
        if len(self._uploads()) >= _OPEN_UPLOADS or any(upload.key == key for upload in self._uploads()):
            return
        write = self._write()
        self._journal.starting.add(key)
        reply = self._s3.create_multipart_upload(Bucket=key.bucket, Key=key.name, Metadata={"write": write})
        self._journal.uploads[reply["UploadId"]] = Upload(key, reply["UploadId"], write)
        self._journal.starting.discard(key)
        self.acknowledged += 1

    def _send_part(self) -> None:
        for upload in self._uploads():
            for number in _PART_SIZES.keys() - upload.sure:
                seed = upload.seeds.setdefault(number, self._random.getrandbits(32))
                body = _part(number, seed)
                upload.etags[number] = hashlib.md5(body).hexdigest()
                self._s3.upload_part(**_named(upload), PartNumber=number, Body=body)
                upload.sure.add(number)
                self.acknowledged += 1
                return

    def _complete(self) -> None:
        upload = next((one for one in self._uploads() if one.sure == _PART_SIZES.keys()), None)
        if upload is None:
            return
        content = _joined(upload)
        upload.ending = True
        after = _after(upload.key, Version(content), self._journal.current(upload.key))
        change = self._journal.begin(upload.key, after, upload.id)
        parts = [{"PartNumber": number, "ETag": upload.etags[number]} for number in sorted(upload.sure)]
        reply = self._s3.complete_multipart_upload(**_named(upload), MultipartUpload={"Parts": parts})
        self._done(change, reply)
        del self._journal.uploads[upload.id]

    def _abort(self) -> None:
        if not (uploads := self._uploads()) or self._random.random() < 0.7:
            return
        upload = self._random.choice(uploads)
        upload.ending = True
        self._s3.abort_multipart_upload(**_named(upload))
        del self._journal.uploads[upload.id]
        self.acknowledged += 1

    def _key(self) -> Key:
        return self._random.choice(self._own[self._random.choice((PLAIN, PLAIN, VERSIONED))])

    def _uploads(self) -> list[Upload]:
        mine = [one for one in list(self._journal.uploads.values()) if one.key.name.startswith(f"{self._prefix}/")]
        return [one for one in mine if not one.ending]

    def _write(self) -> str:
        self._writes += 1
        return f"{self.name}-{self._writes}"

    def _done(self, change: Change, reply: dict[str, Any] | None = None) -> None:
        self._journal.acknowledge(change, (reply or {}).get("VersionId") if change.key.bucket == VERSIONED else None)
        self.acknowledged += 1


def _after(key: Key, version: Version, before: State) -> State:
    return (version, *before) if key.bucket == VERSIONED else (version,)


def _named(upload: Upload) -> dict[str, str]:
    return {"Bucket": upload.key.bucket, "Key": upload.key.name, "UploadId": upload.id}


def _content(write: str, body: bytes, tags: frozenset[tuple[str, str]] = frozenset()) -> Content:
    md5 = hashlib.md5(body).hexdigest()
    return Content(write, hashlib.sha256(body).hexdigest(), md5, len(body), frozenset([md5]), tags)


def _joined(upload: Upload) -> Content:
    """What the parts of an upload make; its ETag is the MD5 of their MD5s."""
    parts = [_part(number, upload.seeds[number]) for number in sorted(upload.seeds)]
    etag = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    return replace(_content(upload.write, b"".join(parts)), etags=frozenset([f"{etag}-{len(parts)}"]))


def _part(number: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(_PART_SIZES[number] - seed % 1000 * (number - 1))
