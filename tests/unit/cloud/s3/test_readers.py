"""Readers of objects that go, and of objects that are damaged: all the bytes, or an error, and never a few of them."""

from __future__ import annotations

import http.client
import random
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.running import until
from tests.unit.cloud.s3.wire import BUCKET, PART, Store, code_of


def large(store: Store, key: str) -> bytes:
    """An object of one segment, too large for the buffers on its way to a client that does not read."""
    data = random.Random(3).randbytes(24 << 20)
    store.s3.put_object(Bucket=BUCKET, Key=key, Body=data)
    return data


def in_segments(store: Store, key: str) -> bytes:
    """The same of several: parts that differ in size."""
    data = random.Random(4).randbytes(24 << 20)
    store.multipart(key, [data[:PART], data[PART : 3 * PART], data[3 * PART :]])
    assert store.files > 1
    return data


def begun(store: Store, key: str) -> Any:
    """A download of which the first bytes have come."""
    body = store.s3.get_object(Bucket=BUCKET, Key=key)["Body"]
    return body.read(1000), body


@pytest.mark.parametrize("make", [large, in_segments])
@pytest.mark.parametrize("change", ["overwrite", "delete", "delete the bucket's"])
def test_reader_of_an_object_that_goes_gets_it_whole_and_then_it_is_gone(store: Store, make: Any, change: str) -> None:
    data = make(store, "k")
    first, rest = begun(store, "k")
    if change == "overwrite":
        store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"new")
    elif change == "delete":
        store.s3.delete_object(Bucket=BUCKET, Key="k")
    else:
        store.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "k"}]})
    assert first + rest.read() == data
    until(lambda: store.files == 0)
    assert store.names() == (["k"] if change == "overwrite" else [])


def test_reader_that_goes_away_does_not_keep_what_it_read(store: Store) -> None:
    in_segments(store, "k")
    connection = http.client.HTTPConnection(store.aws.url.removeprefix("http://"))
    connection.request("GET", f"/{BUCKET}/k", headers=dict(store.send("HEAD", "k").request.headers))
    connection.getresponse().read(1000)
    store.s3.delete_object(Bucket=BUCKET, Key="k")
    connection.close()
    until(lambda: store.files == 0)


def blob_files(store: Store) -> list[Path]:
    return [path for path in (store.directory / "objects").rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [50_000, 3 << 20])
@pytest.mark.parametrize("damage", ["cut short", "missing"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=40000-"}])
def test_object_whose_bytes_are_damaged_is_an_error_that_names_it(
    store: Store, size: int, damage: str, headers: dict[str, str]
) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="a/k", Body=bytes(size))
    (path,) = blob_files(store)
    if damage == "missing":
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.truncate(45_000)
    reply = store.send("GET", "a/k", headers=headers)
    assert code_of(reply) == (500, "InternalError")
    assert "The stored bytes of the object are damaged" in reply.text
    assert f"s3://{BUCKET}/a/k: " in reply.text


def test_last_segment_that_is_missing_is_an_error_from_the_beginning(store: Store) -> None:
    store.multipart("k", [b"a" * PART, b"end"])
    before = {path.name for path in blob_files(store)}
    store.multipart("k2", [b"a" * PART, b"b" * (PART + 1)])
    for path in blob_files(store):
        if path.name not in before and path.stat().st_size == PART + 1:
            path.unlink()
    assert code_of(store.send("GET", "k2")) == (500, "InternalError")
    assert store.body("k") == b"a" * PART + b"end"


def test_file_that_shrinks_while_it_is_sent_breaks_the_reply_off(store: Store) -> None:
    large(store, "k")
    with requests.get(
        store.url("k"), headers=store.send("HEAD", "k").request.headers, stream=True, timeout=60
    ) as reply:
        (path,) = blob_files(store)
        with path.open("r+b") as file:
            file.truncate(1 << 20)
        with pytest.raises(requests.exceptions.RequestException):
            reply.content  # noqa: B018 - reading it is the point
