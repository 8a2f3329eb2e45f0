"""The ObjectStore over an S3 server of the user's, by boto3."""

# ruff: noqa: ARG002 - the server has one set of credentials for all accounts, and no files that it could share

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from emulator.objects.download import Download
from emulator.objects.port import AccessDenied, NoSuchBucket, NoSuchKey, ObjectError, ObjectInfo
from emulator.objects.server import S3Server

_CHUNK = 1 << 20
_PART = 8 << 20
_ATTEMPTS = 3


class Unreachable(ObjectError):
    """No answer came from the server; the message names it and says what to do."""

    code = "ServiceUnavailable"


class Refused(ObjectError):
    """The server answered with an error that has no class of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RemoteObjects:
    """The objects of ``server``. Every account of the emulator sees the same: what its credentials may see."""

    def __init__(self, server: S3Server) -> None:
        self._server = server
        self._client = server.client(retries={"mode": "standard", "total_max_attempts": _ATTEMPTS})

    def list(self, bucket: str, prefix: str = "", *, account: str | None = None) -> Iterator[ObjectInfo]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages = iter(paginator.paginate(Bucket=bucket, Prefix=prefix))
        return self._items(self._page(pages, bucket), pages, bucket)

    def open(self, bucket: str, key: str, *, account: str | None = None) -> BinaryIO:
        with self._translated(bucket, key):
            got = self._client.get_object(Bucket=bucket, Key=key)

        def fetch(position: int) -> Any:
            with self._translated(bucket, key):
                wanted = {"Range": f"bytes={position}-", "IfMatch": got["ETag"]}
                return self._client.get_object(Bucket=bucket, Key=key, **wanted)["Body"]

        return io.BufferedReader(Download(got["Body"], got["ContentLength"], fetch, self._failed), _CHUNK)

    def place(self, bucket: str, key: str, target: Path, *, shared: bool = False, account: str | None = None) -> None:
        with self.open(bucket, key) as body, target.open("xb") as file:
            try:
                shutil.copyfileobj(body, file, _CHUNK)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | BinaryIO,
        *,
        kms_key_id: str | None = None,
        account: str | None = None,
    ) -> ObjectInfo:
        from boto3.s3.transfer import TransferConfig

        # One part at a time, since each is held in memory.
        config = TransferConfig(
            _PART, multipart_chunksize=_PART, use_threads=False, preferred_transfer_client="classic"
        )
        extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
        source = _Source(io.BytesIO(body) if isinstance(body, bytes) else body)
        with self._translated(bucket, key):
            self._client.upload_fileobj(source, bucket, key, ExtraArgs=extra, Config=config)
            head = self._client.head_object(Bucket=bucket, Key=key)
        return _info(key, head["ContentLength"], head["ETag"], head["LastModified"])

    def delete(self, bucket: str, key: str, *, account: str | None = None) -> None:
        with self._translated(bucket, key):
            self._client.delete_object(Bucket=bucket, Key=key)

    def _items(self, page: Any, pages: Iterator[Any], bucket: str) -> Iterator[ObjectInfo]:
        while page is not None:
            for item in page.get("Contents", ()):
                yield _info(item["Key"], item["Size"], item["ETag"], item["LastModified"])
            page = self._page(pages, bucket)

    def _page(self, pages: Iterator[Any], bucket: str) -> Any:
        with self._translated(bucket):
            return next(pages, None)

    @contextmanager
    def _translated(self, bucket: str, key: str = "") -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise _refusal(error, bucket, key) from error
        except BotoCoreError as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> ObjectError:
        return Unreachable(self._server.unreachable(error))


class _Source(io.RawIOBase):
    """A body that can only be read forward, so that boto3 reads each part itself before it sends it.

    It would let the HTTP client read one that can be sought, where the body's own errors are taken for the server's.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._body.read(size)


def _refusal(error: Any, bucket: str, key: str) -> ObjectError:
    """What botocore's ClientError says, in the words of the port."""
    answer = error.response["Error"]
    code, message = answer.get("Code", "InternalError"), answer.get("Message", "")
    match code:
        case "NoSuchBucket":
            return NoSuchBucket(bucket)
        case "NoSuchKey":
            return NoSuchKey(bucket, key)
        case "AccessDenied" | "403":
            return AccessDenied()
    return Refused(code, f"{code}: {message}")


def _info(key: str, size: int, etag: str, modified: Any) -> ObjectInfo:
    return ObjectInfo(key, size, etag.strip('"'), modified.timestamp())
