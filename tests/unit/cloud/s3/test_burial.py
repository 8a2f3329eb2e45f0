"""Blobs are removed when nobody can name them any more, not while somebody still writes to them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import EnvironBuilder

from tests.mounted import ACCOUNT, REGION, Mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
SIGNED = f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"


class Interrupted(io.RawIOBase):
    """A body in two halves, between which something happens."""

    def __init__(self, body: bytes, between: Callable[[], object]) -> None:
        self._halves = [body[: len(body) // 2], body[len(body) // 2 :]]
        self._between = between

    def read(self, size: int = -1, /) -> bytes:
        if len(self._halves) == 1:
            self._between()
        return self._halves.pop(0) if self._halves else b""


def put_part(aws: Mounted, upload: str, number: int, body: Any, length: int) -> str:
    """Send a part past the front; answers its ETag."""
    target = f"/{BUCKET}/big?uploadId={upload}&partNumber={number}"
    environ = EnvironBuilder(target, method="PUT", headers={"Authorization": SIGNED}).get_environ()
    environ |= {"RAW_URI": target, "wsgi.input": body, "CONTENT_LENGTH": str(length)}
    answered: dict[str, str] = {}
    assert b"".join(aws.cloud.wsgi(environ, lambda status, headers: answered.update(headers))) == b""
    return answered["ETag"]


def test_part_that_comes_while_a_failed_one_waits_for_its_burial_is_kept(aws: Mounted) -> None:
    s3, graves = aws.client("s3"), aws.cloud._ready().s3.graves
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    reader = graves.visit()  # somebody who reads a large object meanwhile, and whom the burial waits for
    with pytest.raises(ClientError, match="BadDigest"):
        s3.upload_part(
            Bucket=BUCKET, Key="big", UploadId=upload, PartNumber=1, Body=b"x" * 50_000, ContentMD5="A" * 22 + "=="
        )
    body = b"y" * 50_000
    etag = put_part(aws, upload, 2, Interrupted(body, reader.leave), len(body))
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key="big", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": etag}]}
    )
    assert s3.get_object(Bucket=BUCKET, Key="big")["Body"].read() == body


def test_part_that_comes_while_the_only_one_before_it_is_replaced_is_kept(aws: Mounted) -> None:
    s3, graves = aws.client("s3"), aws.cloud._ready().s3.graves
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    reader = graves.visit()
    part = {"Bucket": BUCKET, "Key": "big", "UploadId": upload}
    s3.upload_part(**part, PartNumber=1, Body=b"x" * 50_000)
    s3.upload_part(**part, PartNumber=1, Body=b"z" * 50_000)
    body = b"y" * 50_000
    etag = put_part(aws, upload, 2, Interrupted(body, reader.leave), len(body))
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": etag}]})
    assert s3.get_object(Bucket=BUCKET, Key="big")["Body"].read() == body
