"""S3 as boto3 speaks it: a client with its defaults, and its requests as bytes for the load generator."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from benchmarks.api import REGION

BUCKET = "benchmark"


def client(port: int) -> Any:
    """A boto3 client of the S3 at ``port``, with dummy credentials and nothing else chosen."""
    import boto3

    make: Any = boto3.client
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return make("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION, **keys)


def client_with_bucket(port: int) -> Any:
    """As `client`, of an S3 that has `BUCKET`."""
    made = client(port)
    made.create_bucket(Bucket=BUCKET)
    return made


def message(port: int, operation: str, **members: Any) -> bytes:
    """The request that boto3 would send for an operation, signed, as bytes.

    Without ``Expect: 100-continue``, after which it would wait before it sends the body.
    """
    caught: list[Any] = []

    def catch(request: Any, **_: Any) -> None:
        caught.append(request)
        raise _Caught

    one = client(port)
    one.meta.events.register("before-send.s3", catch)
    try:
        getattr(one, operation)(Bucket=BUCKET, **members)
    except _Caught:
        return _as_bytes(caught[0])
    raise RuntimeError(f"{operation} sends nothing")


class _Caught(Exception):
    """The request is known; it is not sent."""


def _as_bytes(request: Any) -> bytes:
    url = urlsplit(request.url)
    target = f"{url.path}?{url.query}" if url.query else url.path
    headers = {name: _text(value) for name, value in request.headers.items() if name.lower() != "expect"}
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + _body(request.body)


def _body(body: Any) -> bytes:
    """A body is None, bytes or a file."""
    return bytes(body.read() if hasattr(body, "read") else body or b"")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
