"""Copies share the bytes of what they were made of, and outlive it."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.cloud.s3.wire import BUCKET, PART, Store, checksum, chosen, code_of

DATA = bytes(range(256)) * 400
PARTS = [b"a" * PART, b"b" * (PART + 1), b"end"]
SOURCE = {"Bucket": BUCKET, "Key": "k"}


def copy(store: Store, key: str = "copy", **given: Any) -> dict[str, Any]:
    reply: dict[str, Any] = store.s3.copy_object(Bucket=BUCKET, Key=key, **{"CopySource": SOURCE, **given})
    return reply


@pytest.mark.parametrize("data", [b"", b"small", DATA])
def test_copy_has_the_bytes_without_a_blob_of_its_own(store: Store, data: bytes) -> None:
    etag = store.s3.put_object(**SOURCE, Body=data)["ETag"]
    before = store.blobs
    assert copy(store)["CopyObjectResult"]["ETag"] == etag
    assert (store.body("copy"), store.blobs) == (data, before)


@pytest.mark.parametrize("change", ["delete", "overwrite"])
@pytest.mark.parametrize("data", [b"small", DATA])
def test_copy_outlives_its_source(store: Store, change: str, data: bytes) -> None:
    store.s3.put_object(**SOURCE, Body=data)
    copy(store)
    copy(store, "copy of copy", CopySource={"Bucket": BUCKET, "Key": "copy"})
    store.s3.delete_object(**SOURCE) if change == "delete" else store.s3.put_object(**SOURCE, Body=b"")
    assert (store.body("copy"), store.body("copy of copy"), store.blobs) == (data, data, 1)
    store.s3.delete_object(Bucket=BUCKET, Key="copy")
    assert (store.body("copy of copy"), store.blobs) == (data, 1)
    store.s3.delete_object(Bucket=BUCKET, Key="copy of copy")
    assert store.blobs == 0


def test_copy_of_an_object_in_parts_is_a_plain_object_that_boto3_finds_right(store: Store) -> None:
    store.multipart("k", PARTS, ChecksumAlgorithm="CRC32")
    whole, before = b"".join(PARTS), store.blobs
    etag = copy(store)["CopyObjectResult"]["ETag"]
    assert (etag, store.blobs) == (f'"{hashlib.md5(whole).hexdigest()}"', before)
    found = store.s3.get_object(Bucket=BUCKET, Key="copy", ChecksumMode="ENABLED")
    assert found["Body"].read() == whole
    assert (found["ChecksumCRC32"], found["ChecksumType"]) == (checksum("CRC32", whole), "FULL_OBJECT")
    assert "PartsCount" not in store.s3.head_object(Bucket=BUCKET, Key="copy", PartNumber=1)
    store.s3.delete_object(**SOURCE)
    assert store.body("copy") == whole


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_copy_has_the_checksum_that_it_is_made_with(store: Store, algorithm: str) -> None:
    store.s3.put_object(**SOURCE, Body=DATA, ChecksumAlgorithm="SHA1")
    reply = copy(store, ChecksumAlgorithm=algorithm)
    assert reply["CopyObjectResult"][f"Checksum{algorithm}"] == checksum(algorithm, DATA)
    found = store.s3.get_object(Bucket=BUCKET, Key="copy", ChecksumMode="ENABLED")
    assert (found[f"Checksum{algorithm}"], found["Body"].read()) == (checksum(algorithm, DATA), DATA)
    assert store.blobs == 1


def test_copy_onto_itself_must_change_something(store: Store) -> None:
    store.s3.put_object(**SOURCE, Body=DATA, Metadata={"a": "1"})
    with pytest.raises(ClientError, match="without changing the object's metadata"):
        copy(store, "k")
    copy(store, "k", MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="text/csv")
    found = store.s3.get_object(**SOURCE)
    assert (found["Metadata"], found["ContentType"], found["Body"].read()) == ({"b": "2"}, "text/csv", DATA)
    assert store.blobs == 1


def test_metadata_and_tags_come_along_unless_they_are_replaced(store: Store) -> None:
    store.s3.put_object(**SOURCE, Body=DATA, Metadata={"a": "1"}, ContentType="text/csv", Tagging="t=1")
    copy(store)
    copy(store, "other", MetadataDirective="REPLACE", Metadata={"b": "2"}, TaggingDirective="REPLACE", Tagging="t=2")
    for key, metadata, tag in (("copy", {"a": "1"}, "1"), ("other", {"b": "2"}, "2")):
        assert store.s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == metadata
        tags = store.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
        assert tags == [{"Key": "t", "Value": tag}]
    assert store.s3.head_object(Bucket=BUCKET, Key="copy")["ContentType"] == "text/csv"


def test_metadata_of_a_copy_is_its_own(store: Store) -> None:
    store.s3.put_object(**SOURCE, Body=DATA, Metadata={"a": "1"})
    copy(store)
    copy(store, "k", MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert store.s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"] == {"a": "1"}


def test_version_is_copied_by_name_and_outlives_its_deletion(store: Store) -> None:
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    old = store.s3.put_object(**SOURCE, Body=DATA)["VersionId"]
    store.s3.put_object(**SOURCE, Body=b"new")
    assert copy(store, CopySource={**SOURCE, "VersionId": old})["CopySourceVersionId"] == old
    store.s3.delete_object(**SOURCE, VersionId=old)
    assert (store.body("copy"), store.body("k")) == (DATA, b"new")
    with pytest.raises(ClientError, match="NoSuchVersion"):
        copy(store, CopySource={**SOURCE, "VersionId": old})


def test_source_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        copy(store)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        copy(store, CopySource={"Bucket": "nowhere", "Key": "k"})
    assert store.names() == []


def test_copies_survive_while_their_source_is_overwritten_again_and_again(store: Store) -> None:
    store.s3.put_object(**SOURCE, Body=DATA)
    ended = threading.Event()

    def overwrite() -> None:
        s3 = store.client()
        for number in range(40):
            s3.put_object(**SOURCE, Body=bytes([number]) * len(DATA))
        ended.set()

    thread = threading.Thread(target=overwrite)
    thread.start()
    made = 0
    while not ended.is_set():
        copy(store, f"copy{made}")
        made += 1
    thread.join()
    for number in range(made):
        body = store.body(f"copy{number}")
        assert len(body) == len(DATA)
        assert body == DATA or len(set(body)) == 1
    assert store.blobs <= made + 1


def part_copied(store: Store, upload: dict[str, str], number: int, **given: Any) -> dict[str, Any]:
    return chosen(number, store.s3.upload_part_copy(**upload, PartNumber=number, CopySource=SOURCE, **given))


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256"])
def test_object_made_of_copied_ranges_shares_their_bytes(store: Store, algorithm: str) -> None:
    data = DATA * 120
    store.s3.put_object(**SOURCE, Body=data)
    upload = {"Bucket": BUCKET, "Key": "made"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload, ChecksumAlgorithm=algorithm)["UploadId"]
    parts = [
        part_copied(store, upload, 1, CopySourceRange=f"bytes=10-{PART + 20}"),
        part_copied(store, upload, 2, CopySourceRange=f"bytes={PART + 21}-{2 * PART + 30}"),
        part_copied(store, upload, 3, CopySourceRange="bytes=0-0"),
        part_copied(store, {**upload}, 4),
    ]
    parts.insert(2, parts.pop(2))
    with pytest.raises(ClientError, match="EntityTooSmall"):
        store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    del parts[2]
    store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert store.files == 1
    store.s3.delete_object(**SOURCE)
    assert store.body("made") == data[10 : 2 * PART + 31] + data  # boto3 verifies the checksum where it is a whole's
    assert store.files == 1


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=-5", "0-5", "bytes=a-b", "bytes=0-1,3-4"])
def test_range_of_another_form_is_refused(store: Store, asked: str) -> None:
    store.s3.put_object(**SOURCE, Body=DATA)
    upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="made")["UploadId"]
    headers = {"x-amz-copy-source": f"{BUCKET}/k", "x-amz-copy-source-range": asked}
    reply = store.send("PUT", f"made?uploadId={upload}&partNumber=1", headers=headers)
    assert code_of(reply) == (400, "InvalidArgument")


@pytest.mark.parametrize("asked", [f"bytes=0-{len(DATA)}", "bytes=5-3", f"bytes={len(DATA)}-{len(DATA) + 1}"])
def test_range_that_the_source_does_not_have_is_refused(store: Store, asked: str) -> None:
    store.s3.put_object(**SOURCE, Body=DATA)
    upload = {"Bucket": BUCKET, "Key": "made"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    with pytest.raises(ClientError, match="InvalidRange"):
        part_copied(store, upload, 1, CopySourceRange=asked)
    assert "Parts" not in store.s3.list_parts(**upload)


def test_part_copied_into_an_upload_or_from_a_source_that_is_not_there_is_refused(store: Store) -> None:
    upload = {"Bucket": BUCKET, "Key": "made", "UploadId": "none"}
    with pytest.raises(ClientError, match="NoSuchUpload"):
        part_copied(store, upload, 1)
    upload["UploadId"] = store.s3.create_multipart_upload(Bucket=BUCKET, Key="made")["UploadId"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        part_copied(store, upload, 1)


def test_part_copied_from_a_source_that_goes_before_the_completion_is_kept(store: Store) -> None:
    store.s3.put_object(**SOURCE, Body=DATA)
    upload = {"Bucket": BUCKET, "Key": "made"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    part = part_copied(store, upload, 1, CopySourceRange="bytes=100-199")
    store.s3.delete_object(**SOURCE)
    store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    assert (store.body("made"), store.files) == (DATA[100:200], 1)
    store.s3.delete_object(Bucket=BUCKET, Key="made")
    assert store.files == 0
