"""Conditions of reads, writes and copies, and who wins where two writers meet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.cloud.s3.wire import BUCKET, Store, chosen, code_of

LONG_AGO, FAR_AHEAD = "Sat, 01 Jan 2000 00:00:00 GMT", "Mon, 01 Jan 2080 00:00:00 GMT"

READS: dict[str, tuple[dict[str, str], int]] = {
    "the same tag": ({"If-Match": "{etag}"}, 200),
    "another tag": ({"If-Match": '"other"'}, 412),
    "not the same tag": ({"If-None-Match": "{etag}"}, 304),
    "not another tag": ({"If-None-Match": '"other"'}, 200),
    "changed since long ago": ({"If-Modified-Since": LONG_AGO}, 200),
    "changed since now": ({"If-Modified-Since": FAR_AHEAD}, 304),
    "not changed since long ago": ({"If-Unmodified-Since": LONG_AGO}, 412),
    "not changed since now": ({"If-Unmodified-Since": FAR_AHEAD}, 200),
    "a tag before a time": ({"If-Match": "{etag}", "If-Unmodified-Since": LONG_AGO}, 200),
    "no tag before a time": ({"If-None-Match": '"other"', "If-Modified-Since": FAR_AHEAD}, 200),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_read_heeds_its_condition(store: Store, name: str, method: str) -> None:
    asked, status = READS[name]
    etag = store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"abc")["ETag"]
    reply = store.send(method, "k", headers={header: value.format(etag=etag) for header, value in asked.items()})
    assert reply.status_code == status
    if status == 304 or method == "HEAD":
        assert reply.content == b""
    elif status == 412:
        assert code_of(reply) == (412, "PreconditionFailed")
    else:
        assert reply.content == b"abc"


@pytest.mark.parametrize(("header", "status"), [("if-match", 206), ("if-none-match", 304)])
def test_range_is_given_only_where_the_condition_holds(store: Store, header: str, status: int) -> None:
    etag = store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"abc")["ETag"]
    assert store.send("GET", "k", headers={header: etag, "Range": "bytes=1-"}).status_code == status


Write = Callable[[Store, bytes, dict[str, str]], Any]


def put(store: Store, body: bytes, condition: dict[str, str]) -> Any:
    return store.client().put_object(Bucket=BUCKET, Key="k", Body=body, **condition)


def complete(store: Store, body: bytes, condition: dict[str, str]) -> Any:
    s3, upload = store.client(), {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = chosen(1, s3.upload_part(**upload, PartNumber=1, Body=body))
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, **condition)


WRITES: dict[str, Write] = {"put": put, "complete": complete}


@pytest.mark.parametrize("name", WRITES)
def test_write_where_nothing_may_be_is_refused_where_something_is(store: Store, name: str) -> None:
    WRITES[name](store, b"first", {"IfNoneMatch": "*"})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        WRITES[name](store, b"second", {"IfNoneMatch": "*"})
    assert store.body("k") == b"first"


@pytest.mark.parametrize("name", WRITES)
def test_write_over_a_known_object_is_refused_where_it_is_another_or_none(store: Store, name: str) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        WRITES[name](store, b"first", {"IfMatch": '"other"'})
    etag = WRITES[name](store, b"first", {})["ETag"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        WRITES[name](store, b"second", {"IfMatch": '"other"'})
    assert store.body("k") == b"first"
    WRITES[name](store, b"second", {"IfMatch": etag})
    assert store.body("k") == b"second"


def test_refused_write_leaves_no_blob(store: Store) -> None:
    put(store, b"x" * 50_000, {})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(store, b"y" * 50_000, {"IfNoneMatch": "*"})
    assert store.blobs == 1


def test_completion_that_is_asked_for_again_is_answered_again(store: Store) -> None:
    upload = {"Bucket": BUCKET, "Key": "k"}
    etag = put(store, b"old", {})["ETag"]
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    part = chosen(1, store.s3.upload_part(**upload, PartNumber=1, Body=b"new"))
    replies = [
        store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfMatch=etag)["ETag"]
        for _ in range(2)
    ]
    assert replies[0] == replies[1]


def raced(writers: list[Callable[[], object]]) -> list[object]:
    """What writers answer that begin together: a value, or the code of a refusal."""
    start, answers = threading.Barrier(len(writers)), list[object]()

    def run(write: Callable[[], object]) -> None:
        start.wait()
        try:
            answers.append(write())
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("over", [False, True])
def test_exactly_one_of_many_writers_with_a_condition_wins(store: Store, name: str, over: bool) -> None:
    condition = {"IfMatch": put(store, b"old", {})["ETag"]} if over else {"IfNoneMatch": "*"}

    def writer(number: int) -> Callable[[], object]:
        def write() -> object:
            WRITES[name](store, b"%d" % number * 20_000, condition)
            return number

        return write

    answers = raced([writer(number) for number in range(6)])
    (winner,) = [answer for answer in answers if isinstance(answer, int)]
    assert [answer for answer in answers if answer != winner] == ["PreconditionFailed"] * 5
    assert store.body("k") == b"%d" % winner * 20_000


def test_no_version_is_lost_where_puts_and_deletions_meet(store: Store) -> None:
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put(store, b"first", {})

    def change(number: int) -> Callable[[], object]:
        s3 = store.client()

        def run() -> object:
            for turn in range(6):
                if number % 2:
                    s3.put_object(Bucket=BUCKET, Key="k", Body=b"%d-%d" % (number, turn))
                else:
                    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "k"}]})
            return None

        return run

    raced([change(number) for number in range(4)])
    found = store.s3.list_object_versions(Bucket=BUCKET)
    assert (len(found["Versions"]), len(found["DeleteMarkers"])) == (13, 12)


SOURCES: dict[str, tuple[dict[str, str], bool]] = {
    "the same tag": ({"if-match": "{etag}"}, True),
    "another tag": ({"if-match": '"other"'}, False),
    "not the same tag": ({"if-none-match": "{etag}"}, False),
    "not another tag": ({"if-none-match": '"other"'}, True),
    "changed since long ago": ({"if-modified-since": LONG_AGO}, True),
    "changed since now": ({"if-modified-since": FAR_AHEAD}, False),
    "not changed since long ago": ({"if-unmodified-since": LONG_AGO}, False),
    "not changed since now": ({"if-unmodified-since": FAR_AHEAD}, True),
    "a tag before a time": ({"if-match": "{etag}", "if-unmodified-since": LONG_AGO}, True),
    "not a tag whatever the time": ({"if-none-match": "{etag}", "if-modified-since": LONG_AGO}, False),
    "a time that cannot be read": ({"if-unmodified-since": "yesterday"}, True),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("part", [False, True])
def test_copy_heeds_the_condition_about_its_source(store: Store, name: str, part: bool) -> None:
    asked, holds = SOURCES[name]
    etag = put(store, b"abc", {})["ETag"]
    headers = {f"x-amz-copy-source-{header}": value.format(etag=etag) for header, value in asked.items()}
    target = "copy"
    if part:
        upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="copy")["UploadId"]
        target = f"copy?uploadId={upload}&partNumber=1"
    reply = store.send("PUT", target, headers={**headers, "x-amz-copy-source": f"{BUCKET}/k"})
    assert code_of(reply) == ((200, "") if holds else (412, "PreconditionFailed"))
    assert ("copy" in store.names()) == (holds and not part)
