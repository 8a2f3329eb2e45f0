"""``s3://bucket/key`` and the https spellings of it that SageMaker accepts for model data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_S3 = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)
_HOSTED = re.compile(r"https://([^/]+?)\.s3[.-][^/]*?amazonaws\.com[^/]*/(.*)", re.DOTALL)
_PATHED = re.compile(r"https://s3[.-][^/]*?amazonaws\.com[^/]*/([^/]+)/(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key (or key prefix) in it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def join(self, *parts: str) -> S3Uri:
        """The URI further below, whether or not this one ends with a slash."""
        return S3Uri(self.bucket, "/".join([part for part in (self.key.strip("/"), *parts) if part]))


def parse(uri: str) -> S3Uri | None:
    """The bucket and key of an S3 URI, or None when ``uri`` is none."""
    if match := _S3.fullmatch(uri):
        return S3Uri(match[1], match[2])
    if match := _PATHED.fullmatch(uri) or _HOSTED.fullmatch(uri):
        return S3Uri(match[1], unquote(match[2]))
    return None
