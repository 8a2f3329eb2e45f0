"""Objects go out: whole, by range, by part and by version."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.unit.cloud.s3.wire import BUCKET, PART, Store, checksum, code_of

DATA = bytes(range(100))
BIG = random.Random(1).randbytes(3 << 20)

RANGES: dict[str, tuple[str, bytes, str]] = {
    "from the first": ("bytes=0-9", DATA[:10], "bytes 0-9/100"),
    "one byte": ("bytes=99-99", DATA[99:], "bytes 99-99/100"),
    "to the end": ("bytes=90-", DATA[90:], "bytes 90-99/100"),
    "the last": ("bytes=-7", DATA[93:], "bytes 93-99/100"),
    "the last of more than there are": ("bytes=-700", DATA, "bytes 0-99/100"),
    "beyond the end": ("bytes=50-1000", DATA[50:], "bytes 50-99/100"),
    "everything": ("bytes=0-", DATA, "bytes 0-99/100"),
}
WHOLE = ["bytes=5-3", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b", "bytes=-"]
UNSATISFIABLE = ["bytes=100-", "bytes=100-200", "bytes=-0"]


@pytest.mark.parametrize("name", RANGES)
def test_range_is_sent_alone_and_says_where_it_lies(store: Store, name: str) -> None:
    asked, data, where = RANGES[name]
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    for method, body in (("GET", data), ("HEAD", b"")):
        reply = store.send(method, "k", headers={"Range": asked})
        assert (reply.status_code, reply.content, reply.headers["Content-Range"]) == (206, body, where)
        assert (reply.headers["Content-Length"], reply.headers["Accept-Ranges"]) == (str(len(data)), "bytes")


@pytest.mark.parametrize("asked", WHOLE)
def test_range_that_is_none_is_passed_over(store: Store, asked: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    reply = store.send("GET", "k", headers={"Range": asked})
    assert (reply.status_code, reply.content, "Content-Range" in reply.headers) == (200, DATA, False)


@pytest.mark.parametrize("asked", UNSATISFIABLE)
def test_range_without_a_byte_is_refused(store: Store, asked: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    reply = store.send("GET", "k", headers={"Range": asked})
    assert code_of(reply) == (416, "InvalidRange")
    assert f"<RangeRequested>{asked}</RangeRequested><ActualObjectSize>100</ActualObjectSize>" in reply.text
    assert (store.send("HEAD", "k", headers={"Range": asked}).status_code, store.body("k")) == (416, DATA)


def test_nothing_has_no_range(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"")
    assert code_of(store.send("GET", "k", headers={"Range": "bytes=0-"})) == (416, "InvalidRange")
    assert store.body("k") == b""


def test_checksum_is_shown_with_all_bytes_only(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA, ChecksumAlgorithm="SHA256")
    mode, shown = {"x-amz-checksum-mode": "ENABLED"}, checksum("SHA256", DATA)
    for method in ("GET", "HEAD"):
        assert store.send(method, "k", headers=mode).headers["x-amz-checksum-sha256"] == shown
        assert "x-amz-checksum-sha256" not in store.send(method, "k").headers
        assert "x-amz-checksum-sha256" not in store.send(method, "k", headers={**mode, "Range": "bytes=1-2"}).headers


def test_ranges_of_a_large_object_are_its_bytes(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=BIG)
    chosen = random.Random(2)
    for _ in range(20):
        start, end = sorted(chosen.randrange(len(BIG)) for _ in range(2))
        assert store.body("k", Range=f"bytes={start}-{end}") == BIG[start : end + 1]


def test_boto3_gets_a_large_object_in_pieces(store: Store, tmp_path: Path) -> None:
    data = BIG * 4
    store.multipart("k", [data[:PART], data[PART:]])
    store.s3.download_file(BUCKET, "k", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == data


PARTS = [b"a" * PART, b"b" * (PART + 1), b"end"]


def test_part_is_sent_alone_and_says_how_many_there_are(store: Store) -> None:
    store.multipart("k", PARTS)
    size, start = sum(map(len, PARTS)), 0
    for number, part in enumerate(PARTS, 1):
        found = store.s3.get_object(Bucket=BUCKET, Key="k", PartNumber=number)
        head = store.s3.head_object(Bucket=BUCKET, Key="k", PartNumber=number)
        assert found["Body"].read() == part
        for reply in (found, head):
            assert (reply["PartsCount"], reply["ContentLength"]) == (3, len(part))
            assert reply["ContentRange"] == f"bytes {start}-{start + len(part) - 1}/{size}"
        start += len(part)


def test_object_that_came_whole_is_one_part(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    found = store.s3.get_object(Bucket=BUCKET, Key="k", PartNumber=1)
    assert (found["Body"].read(), "PartsCount" in found) == (DATA, False)


PART_ERRORS = {"4": (416, "InvalidPartNumber"), "0": (400, "InvalidArgument"), "10001": (400, "InvalidArgument")}


@pytest.mark.parametrize("number", PART_ERRORS)
def test_part_that_is_not_there_is_refused(store: Store, number: str) -> None:
    store.multipart("k", PARTS)
    assert code_of(store.send("GET", f"k?partNumber={number}")) == PART_ERRORS[number]
    assert store.send("HEAD", f"k?partNumber={number}").status_code == PART_ERRORS[number][0]


def test_part_and_range_exclude_one_another(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    assert code_of(store.send("GET", "k?partNumber=1", headers={"Range": "bytes=0-1"})) == (400, "InvalidRequest")


def test_reply_says_what_the_query_wants_it_to_say(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA, ContentType="text/csv")
    found = store.s3.get_object(Bucket=BUCKET, Key="k", ResponseContentType="text/plain", Range="bytes=1-1")
    assert (found["ContentType"], found["Body"].read()) == ("text/plain", DATA[1:2])


def test_versions_are_read_by_name(store: Store) -> None:
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    names = [store.s3.put_object(Bucket=BUCKET, Key="k", Body=body)["VersionId"] for body in (DATA, b"new")]
    assert [store.body("k", VersionId=name) for name in names] == [DATA, b"new"]
    assert store.body("k", VersionId=names[0], Range="bytes=3-4") == DATA[3:5]
    with pytest.raises(ClientError, match="NoSuchVersion"):
        store.body("k", VersionId="other")


def test_select_reads_the_bytes(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b'{"a": 1}\n{"a": 2}\n')
    found = store.s3.select_object_content(
        Bucket=BUCKET,
        Key="k",
        Expression="SELECT * FROM S3Object",
        ExpressionType="SQL",
        InputSerialization={"JSON": {"Type": "LINES"}},
        OutputSerialization={"JSON": {}},
    )
    records = b"".join(event["Records"]["Payload"] for event in found["Payload"] if "Records" in event)
    assert records == b'{"a":1}\n{"a":2}\n'


def test_objects_are_read_by_what_else_runs_in_the_process(store: Store) -> None:
    from moto.s3.models import s3_backends

    from tests.mounted import ACCOUNT

    store.s3.put_object(Bucket=BUCKET, Key="k", Body=BIG)
    key = s3_backends[ACCOUNT]["aws"].get_object(BUCKET, "k")
    assert key is not None
    assert key.value == BIG
