"""S3 as the tests here speak to it: boto3 for what a client does, and bare HTTP for what it would not."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from botocore.config import Config

from emulator.objects.checksum import Digests
from tests.mounted import ACCOUNT, REGION, Mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
PART = 5 << 20
"""The fewest bytes of a part that is not the last."""
_SCOPE = f"test/20260101/{REGION}/s3/aws4_request"
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 Credential={_SCOPE}, SignedHeaders=host, Signature=0"}


@dataclass
class Store:
    """A running S3 and the directory that it keeps everything in."""

    aws: Mounted
    directory: Path

    def __post_init__(self) -> None:
        self.s3 = self.client()
        self.s3.list_buckets()  # what is there from the beginning is made now

    def client(self, **options: Any) -> Any:
        """A client that tries once."""
        return self.aws.client("s3", config=Config(retries={"total_max_attempts": 1}, **options))

    def url(self, target: str) -> str:
        return f"{self.aws.url}/{BUCKET}/{target}"

    def send(self, method: str, target: str, **given: Any) -> requests.Response:
        """A bare request, signed in name."""
        headers = {**SIGNED, **given.pop("headers", {})}
        return requests.request(method, self.url(target), headers=headers, timeout=60, **given)

    @property
    def files(self) -> int:
        """How many blobs are files."""
        return sum(path.is_file() for path in (self.directory / "objects").rglob("*"))

    @property
    def rows(self) -> int:
        """How many blobs are rows."""
        with contextlib.closing(sqlite3.connect(self.directory / "cloud.sqlite3")) as db:
            (count,) = db.execute("SELECT count(*) FROM blob").fetchone()
        return int(count)

    @property
    def blobs(self) -> int:
        return self.files + self.rows

    def body(self, key: str, **given: Any) -> bytes:
        data: bytes = self.s3.get_object(Bucket=BUCKET, Key=key, **given)["Body"].read()
        return data

    def names(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def multipart(self, key: str, parts: list[bytes], **given: Any) -> dict[str, Any]:
        """Upload in parts; answers the reply to the completion."""
        upload = {"Bucket": BUCKET, "Key": key}
        upload["UploadId"] = self.s3.create_multipart_upload(**upload, **given)["UploadId"]
        sent = [
            (number, self.s3.upload_part(**upload, PartNumber=number, Body=data))
            for number, data in enumerate(parts, 1)
        ]
        done = {"Parts": [chosen(number, reply) for number, reply in sent]}
        reply: dict[str, Any] = self.s3.complete_multipart_upload(**upload, MultipartUpload=done)
        return reply


def chosen(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """A part as a completion names it."""
    found = reply.get("CopyPartResult", reply)
    sums = {name: value for name, value in found.items() if re.fullmatch("Checksum(CRC|SHA).*", name)}
    return {"PartNumber": number, "ETag": found["ETag"], **sums}


def code_of(reply: requests.Response) -> tuple[int, str]:
    """The status of a reply and the code of the error in it."""
    found = re.search("<Code>(.*?)</Code>", reply.text)
    return reply.status_code, found[1] if found else ""


def checksum(algorithm: str, data: bytes) -> str:
    digests = Digests([algorithm])
    digests.update(data)
    return digests.value(algorithm)
