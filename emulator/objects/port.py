"""The ObjectStore port: the objects of S3, read and written from inside the emulator without HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One current object. ``size`` in bytes, ``etag`` without quotes, ``last_modified`` in seconds since the epoch."""

    key: str
    size: int
    etag: str
    last_modified: float


class ObjectError(Exception):
    """An object store refused; the message is S3's own, ``code`` S3's error code."""

    code = "InternalError"


class NoSuchBucket(ObjectError):
    code = "NoSuchBucket"

    def __init__(self, bucket: str) -> None:
        super().__init__("The specified bucket does not exist")
        self.bucket = bucket


class NoSuchKey(ObjectError):
    code = "NoSuchKey"

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__("The specified key does not exist.")
        self.bucket = bucket
        self.key = key


class AccessDenied(ObjectError):
    code = "AccessDenied"

    def __init__(self) -> None:
        super().__init__("Access Denied")


class Damaged(ObjectError):
    """The stored bytes of an object are not all there."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The stored bytes of the object are damaged: {what}")


class ObjectStore(Protocol):
    """Buckets and their current objects. May be called from any thread.

    ``account`` is whose request this is; None stands for the emulator's default account. Bucket names are unique
    over all accounts and regions, so the account decides about access, never about which bucket is meant.
    """

    def list(self, bucket: str, prefix: str = "", *, account: str | None = None) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with ``prefix``, by key in S3's order; bodies are not read.

        Raises `NoSuchBucket` at once, not at the first item.
        """
        ...

    def open(self, bucket: str, key: str, *, account: str | None = None) -> BinaryIO:
        """The object's bytes from the start; close it after use. Raises `NoSuchBucket` or `NoSuchKey`.

        What was opened stays readable when the object is replaced or deleted meanwhile.
        """
        ...

    def place(self, bucket: str, key: str, target: Path, *, shared: bool = False, account: str | None = None) -> None:
        """Put the object's bytes at ``target``, where nothing is yet, without copying them where that can be had.

        The file is the caller's own, unless ``shared``: then it may be the stored bytes themselves, and must never be
        written. Raises `NoSuchBucket` or `NoSuchKey`, another `ObjectError` when the stored bytes are damaged, and
        OSError when the file cannot be made; nothing is left of it then.
        """
        ...

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | BinaryIO,
        *,
        kms_key_id: str | None = None,
        account: str | None = None,
    ) -> ObjectInfo:
        """Store an object; a file is read from its present position to its end, never whole into memory.

        The object is durable when this returns. Raises `NoSuchBucket`.
        """
        ...

    def delete(self, bucket: str, key: str, *, account: str | None = None) -> None:
        """Delete the current object, if there is one; in a bucket with versions a delete marker hides it.

        It is durable when this returns. Raises `NoSuchBucket`.
        """
        ...
