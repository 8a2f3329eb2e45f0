"""Uploads in parts: each part is verified, and the whole, and both are what they are said to be."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.objects.checksum import ALGORITHMS
from tests.unit.cloud.s3.wire import BUCKET, PART, Store, checksum, chosen, code_of

NAMED = sorted(ALGORITHMS)


@pytest.mark.parametrize("algorithm", NAMED)
@pytest.mark.parametrize("size", [100, 100_000])
def test_part_with_a_wrong_checksum_leaves_nothing(store: Store, algorithm: str, size: int) -> None:
    upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    name, target = f"x-amz-checksum-{algorithm.lower()}", f"k?uploadId={upload}&partNumber=1"
    wrong = store.send("PUT", target, data=bytes(size), headers={name: checksum(algorithm, b"other")})
    assert code_of(wrong) == (400, "BadDigest")
    assert (store.s3.list_parts(Bucket=BUCKET, Key="k", UploadId=upload).get("Parts", []), store.blobs) == ([], 0)
    right = store.send("PUT", target, data=bytes(size), headers={name: checksum(algorithm, bytes(size))})
    assert (right.status_code, store.blobs) == (200, 1)


def test_part_of_an_upload_that_is_not_there_leaves_nothing(store: Store) -> None:
    reply = store.send("PUT", "k?uploadId=none&partNumber=1", data=bytes(100_000))
    assert (code_of(reply), store.blobs) == ((404, "NoSuchUpload"), 0)


@pytest.mark.parametrize("number", ["0", "10001", "x", "-1", ""])
def test_part_number_that_is_none_is_refused_and_leaves_nothing(store: Store, number: str) -> None:
    upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    reply = store.send("PUT", f"k?uploadId={upload}&partNumber={number}", data=bytes(100_000))
    assert (code_of(reply), store.blobs) == ((400, "InvalidArgument"), 0)


COMPOSITE = [("COMPOSITE", name) for name in ("CRC32", "CRC32C", "SHA1", "SHA256")]
FULL_OBJECT = [("FULL_OBJECT", name) for name in ("CRC32", "CRC32C", "CRC64NVME")]
IMPOSSIBLE = [("FULL_OBJECT", "SHA1"), ("FULL_OBJECT", "SHA256"), ("COMPOSITE", "CRC64NVME")]


@pytest.mark.parametrize(("kind", "algorithm"), IMPOSSIBLE)
def test_checksum_that_no_object_in_parts_can_have_is_refused_at_the_beginning(
    store: Store, kind: str, algorithm: str
) -> None:
    with pytest.raises(ClientError, match=f"The {kind} checksum type cannot be used with the {algorithm.lower()}"):
        store.s3.create_multipart_upload(Bucket=BUCKET, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    assert "Uploads" not in store.s3.list_multipart_uploads(Bucket=BUCKET)


@pytest.mark.parametrize(("kind", "algorithm"), [*COMPOSITE, *FULL_OBJECT])
def test_object_in_parts_has_the_checksum_that_boto3_finds_right(store: Store, algorithm: str, kind: str) -> None:
    parts = [b"a" * PART, b"b" * PART, b"end"]
    store.multipart("k", parts, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    whole = b"".join(parts)
    found = store.s3.get_object(Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")
    assert found["Body"].read() == whole  # boto3 raises where a checksum of all bytes does not match
    assert found["ChecksumType"] == kind
    if kind == "FULL_OBJECT":
        assert found[f"Checksum{algorithm}"] == checksum(algorithm, whole)
    else:
        raw = b"".join(base64.b64decode(checksum(algorithm, part)) for part in parts)
        assert found[f"Checksum{algorithm}"] == f"{checksum(algorithm, raw)}-3"
    shown = store.s3.get_object_attributes(Bucket=BUCKET, Key="k", ObjectAttributes=["Checksum", "ETag", "ObjectSize"])
    assert shown["Checksum"]["ChecksumType"] == kind
    assert shown["Checksum"][f"Checksum{algorithm}"] == found[f"Checksum{algorithm}"].partition("-")[0]
    assert (shown["ObjectSize"], shown["ETag"]) == (len(whole), found["ETag"].strip('"'))


def test_equal_parts_sent_in_any_order_are_one_file(store: Store) -> None:
    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    datas = {1: b"a" * PART, 2: b"b" * PART, 3: b"end"}
    etags = {
        number: store.s3.upload_part(**upload, PartNumber=number, Body=datas[number])["ETag"] for number in (2, 3, 1)
    }
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in (1, 2, 3)]
    reply = store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    md5 = hashlib.md5(b"".join(hashlib.md5(datas[number]).digest() for number in (1, 2, 3))).hexdigest()
    assert reply["ETag"] == f'"{md5}-3"'
    assert (store.body("k"), store.files) == (b"".join(datas.values()), 1)
    again = store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert again["ETag"] == reply["ETag"]  # a client that lost the reply asks again


COMPLETIONS: dict[str, tuple[list[tuple[int, int]], str]] = {
    "parts that are too small": ([(1, 1), (2, 2)], "EntityTooSmall"),
    "a part that is not there": ([(1, 1), (4, 1)], "InvalidPart"),
    "the ETag of another part": ([(3, 1), (4, 2)], "InvalidPart"),
    "parts in disorder": ([(2, 2), (1, 1)], "InvalidPartOrder"),
    "a part twice": ([(2, 2), (2, 2)], "InvalidPartOrder"),
    "no parts": ([], "MalformedXML"),
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_completion_that_is_wrong_is_refused_and_can_be_mended(store: Store, name: str) -> None:
    asked, code = COMPLETIONS[name]
    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    etags = {
        number: store.s3.upload_part(**upload, PartNumber=number, Body=bytes([number]))["ETag"] for number in (1, 2, 3)
    }
    wrong = [{"PartNumber": number, "ETag": etags[of]} for number, of in asked]
    with pytest.raises(ClientError, match=rf"\({code}\)"):
        store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": wrong})
    right = [{"PartNumber": 3, "ETag": etags[3]}]
    store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": right})
    assert (store.body("k"), store.blobs) == (b"\3", 1)


def test_upload_that_is_aborted_leaves_nothing(store: Store) -> None:
    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    for number in (1, 2):
        store.s3.upload_part(**upload, PartNumber=number, Body=bytes(100_000))
    store.s3.abort_multipart_upload(**upload)
    assert store.blobs == 0
    with pytest.raises(ClientError, match="NoSuchUpload"):
        store.s3.upload_part(**upload, PartNumber=3, Body=b"late")


def in_two_parts(store: Store, kind: str) -> tuple[dict[str, str], list[dict[str, Any]], bytes]:
    """An open upload, its parts as a completion names them, and all their bytes."""
    upload, datas = {"Bucket": BUCKET, "Key": "k"}, [b"a" * PART, b"end"]
    created = store.s3.create_multipart_upload(**upload, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    upload["UploadId"] = created["UploadId"]
    parts = [
        chosen(number, store.s3.upload_part(**upload, PartNumber=number, Body=data, ChecksumAlgorithm="CRC32"))
        for number, data in enumerate(datas, 1)
    ]
    return upload, parts, b"".join(datas)


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_completion_that_says_another_checksum_is_refused_and_the_right_one_is_told(store: Store, kind: str) -> None:
    upload, parts, data = in_two_parts(store, kind)
    assert all("ChecksumCRC32" in part for part in parts)
    raw = b"".join(base64.b64decode(part["ChecksumCRC32"]) for part in parts)
    right = checksum("CRC32", data) if kind == "FULL_OBJECT" else f"{checksum('CRC32', raw)}-2"
    with pytest.raises(ClientError, match=r"\(BadDigest\)"):
        store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, ChecksumCRC32="AAAAAA==")
    assert store.names() == []
    reply = store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, ChecksumCRC32=right)
    assert (reply["ChecksumCRC32"], reply["ChecksumType"], store.body("k")) == (right, kind, data)


def test_completion_that_says_another_checksum_of_a_part_is_refused(store: Store) -> None:
    upload, parts, data = in_two_parts(store, "COMPOSITE")
    wrong = [{**parts[0], "ChecksumCRC32": "AAAAAA=="}, parts[1]]
    with pytest.raises(ClientError, match=r"\(InvalidPart\)"):
        store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": wrong})
    store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert store.body("k") == data


def test_completion_that_says_another_size_is_refused(store: Store) -> None:
    upload, parts, data = in_two_parts(store, "FULL_OBJECT")
    with pytest.raises(ClientError, match=f"header value 1 does not match what was computed: {len(data)}"):
        store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, MpuObjectSize=1)
    store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, MpuObjectSize=len(data))
    assert store.body("k") == data


@pytest.mark.parametrize("body", ["", "<CompleteMultipartUpload>", "<C><Part><ETag>x</ETag></Part></C>"])
def test_completion_that_cannot_be_read_is_refused(store: Store, body: str) -> None:
    upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    assert code_of(store.send("POST", f"k?uploadId={upload}", data=body)) == (400, "MalformedXML")


@pytest.mark.parametrize("versioned", [False, True])
def test_completion_that_is_repeated_is_answered_as_the_first_until_the_object_is_another(
    store: Store, versioned: bool
) -> None:
    if versioned:
        store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload)["UploadId"]
    part = chosen(1, store.s3.upload_part(**upload, PartNumber=1, Body=b"abc"))

    def complete() -> Any:
        reply = store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfNoneMatch="*")
        return {name: value for name, value in reply.items() if name != "ResponseMetadata"}

    first = complete()
    assert complete() == first
    assert store.body("k") == b"abc"
    assert len(store.s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"another")
    upload_again = {**upload, "MultipartUpload": {"Parts": [part]}}
    with pytest.raises(store.s3.exceptions.NoSuchUpload):
        store.s3.complete_multipart_upload(**upload_again)
