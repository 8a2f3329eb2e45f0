"""Uploads in every form: what is right is stored whole, what is wrong is refused and leaves nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from emulator.objects.blobs import SMALL
from emulator.objects.checksum import ALGORITHMS
from tests.unit.cloud.s3.wire import BUCKET, Store, checksum, code_of

SIZES = [0, 1, SMALL, SMALL + 1, 300_000]
NAMED = sorted(ALGORITHMS)

Form = Callable[[bytes, dict[str, str]], tuple[Any, dict[str, str]]]
"""Body and headers of an upload of some bytes with a checksum by header name."""


def pieces(data: bytes) -> Iterator[bytes]:
    yield from (data[start : start + 70_000] for start in range(0, len(data), 70_000))


def plain(data: bytes, sums: dict[str, str]) -> tuple[Any, dict[str, str]]:
    return data, sums


def chunked(data: bytes, sums: dict[str, str]) -> tuple[Any, dict[str, str]]:
    return pieces(data), sums


def framed(data: bytes, signature: str) -> bytes:
    framing = b"%x" + (b";chunk-signature=" + b"0" * 64 if signature else b"") + b"\r\n%b\r\n"
    return b"".join(framing % (len(piece), piece) for piece in pieces(data)) + (framing % (0, b"")).removesuffix(
        b"\r\n"
    )


def aws_chunked(kind: str, sums: dict[str, str], data: bytes, *, trailing: bool) -> tuple[Any, dict[str, str]]:
    headers = {
        "x-amz-content-sha256": kind + ("-TRAILER" if trailing else ""),
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(data)),
    }
    body = framed(data, "signed" if "HMAC" in kind else "")
    if not trailing:
        return body + b"\r\n", {**headers, **sums}
    trailers = b"".join(f"{name}:{value}\r\n".encode() for name, value in sums.items())
    return body + trailers + b"\r\n", {**headers, "x-amz-trailer": ",".join(sums)}


UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD"
HMAC = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

FORMS: dict[str, Form] = {
    "plain": plain,
    "chunked": chunked,
    "aws-chunked": lambda data, sums: aws_chunked(UNSIGNED_TRAILER, sums, data, trailing=True),
    "signed chunks": lambda data, sums: aws_chunked(HMAC, sums, data, trailing=False),
    "signed chunks and trailer": lambda data, sums: aws_chunked(HMAC, sums, data, trailing=True),
}


def put(store: Store, form: str, data: bytes, sums: dict[str, str], **headers: str) -> requests.Response:
    body, more = FORMS[form](data, sums)
    return store.send("PUT", "k", data=body, headers={**more, **headers})


@pytest.mark.parametrize("algorithm", NAMED)
@pytest.mark.parametrize("form", FORMS)
def test_upload_with_the_right_checksum_is_stored_with_it_and_one_with_a_wrong_leaves_nothing(
    store: Store, form: str, algorithm: str
) -> None:
    name, data = f"x-amz-checksum-{algorithm.lower()}", bytes(range(256)) * 80
    wrong = put(store, form, data, {name: checksum(algorithm, b"other")})
    assert code_of(wrong) == (400, "BadDigest")
    assert f"The {algorithm} you specified did not match the calculated checksum." in wrong.text
    assert (store.names(), store.blobs) == ([], 0)
    right = put(store, form, data, {name: checksum(algorithm, data)})
    assert (right.status_code, right.headers[name]) == (200, checksum(algorithm, data))
    found = store.send("GET", "k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (found.content, found.headers[name]) == (data, checksum(algorithm, data))
    assert found.headers["x-amz-checksum-type"] == "FULL_OBJECT"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_bytes_come_out_as_they_went_in(store: Store, form: str, size: int) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    sums = {"x-amz-checksum-crc32": checksum("CRC32", data)}
    reply = put(store, form, data, sums, **{"Content-Type": "text/x-mine"})
    assert reply.headers["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    found = store.send("GET", "k")
    assert (found.content, found.headers["ETag"]) == (data, reply.headers["ETag"])
    assert (found.headers["Content-Length"], found.headers["Content-Type"]) == (str(size), "text/x-mine")
    assert "Content-Encoding" not in found.headers
    assert (store.rows, store.files) == (0 < size <= SMALL, size > SMALL)


def test_object_without_a_checksum_of_the_client_gets_s3s_own(store: Store) -> None:
    reply = store.send("PUT", "k", data=b"abc")
    assert reply.headers["x-amz-checksum-crc64nvme"] == checksum("CRC64NVME", b"abc")


def test_checksum_is_computed_by_the_algorithm_that_is_only_named(store: Store) -> None:
    reply = store.send("PUT", "k", data=b"abc", headers={"x-amz-sdk-checksum-algorithm": "SHA256"})
    assert reply.headers["x-amz-checksum-sha256"] == checksum("SHA256", b"abc")


def test_other_encodings_are_kept_beside_the_chunks(store: Store) -> None:
    body, headers = FORMS["aws-chunked"](b"abc", {"x-amz-checksum-crc32": checksum("CRC32", b"abc")})
    store.send("PUT", "k", data=body, headers={**headers, "Content-Encoding": "aws-chunked,x-mine"})
    assert store.s3.head_object(Bucket=BUCKET, Key="k")["ContentEncoding"] == "x-mine"


MD5 = base64.b64encode(hashlib.md5(b"abc").digest()).decode()

REFUSED: dict[str, tuple[dict[str, str], tuple[int, str]]] = {
    "another MD5": ({"Content-MD5": base64.b64encode(b"0" * 16).decode()}, (400, "BadDigest")),
    "an MD5 that is too short": ({"Content-MD5": base64.b64encode(b"0" * 15).decode()}, (400, "InvalidDigest")),
    "an MD5 that is not base64": ({"Content-MD5": "~" * 24}, (400, "InvalidDigest")),
    "another SHA-256": ({"x-amz-content-sha256": "0" * 64}, (400, "XAmzContentSHA256Mismatch")),
    "two checksums": (
        {"x-amz-checksum-crc32": checksum("CRC32", b"abc"), "x-amz-checksum-sha1": checksum("SHA1", b"abc")},
        (400, "InvalidRequest"),
    ),
    "a checksum that is not base64": ({"x-amz-checksum-crc32": "~"}, (400, "InvalidRequest")),
    "a checksum that is too short": ({"x-amz-checksum-crc32": "AAA="}, (400, "InvalidRequest")),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("data", [b"abc", b"abc" * 10_000])
def test_upload_that_is_not_what_it_says_is_refused_and_leaves_nothing(store: Store, name: str, data: bytes) -> None:
    headers, refusal = REFUSED[name]
    assert code_of(store.send("PUT", "k", data=data, headers=headers)) == refusal
    assert (store.names(), store.blobs) == ([], 0)


def test_what_was_there_stays_when_an_upload_is_refused(store: Store) -> None:
    store.send("PUT", "k", data=b"abc", headers={"Content-MD5": MD5})
    assert code_of(store.send("PUT", "k", data=b"abd", headers={"Content-MD5": MD5})) == (400, "BadDigest")
    assert (store.body("k"), store.blobs) == (b"abc", 1)


BROKEN: dict[str, tuple[dict[str, str], bytes, str]] = {
    "a trailer that is announced and absent": (
        {"x-amz-trailer": "x-amz-checksum-crc32"},
        b"3\r\nabc\r\n0\r\n\r\n",
        "MalformedTrailerError",
    ),
    "fewer bytes than it says": ({"x-amz-decoded-content-length": "4"}, b"3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
    "more bytes than it says": ({"x-amz-decoded-content-length": "2"}, b"3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
    "a chunk that is cut short": ({"x-amz-decoded-content-length": "3"}, b"3\r\nab", "IncompleteBody"),
    "no last chunk": ({"x-amz-decoded-content-length": "3"}, b"3\r\nabc\r\n", "IncompleteBody"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("part", [False, True])
def test_chunks_that_are_broken_are_refused_and_leave_nothing(store: Store, name: str, part: bool) -> None:
    headers, body, code = BROKEN[name]
    target = "k"
    if part:
        upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
        target = f"k?uploadId={upload}&partNumber=1"
    more = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Encoding": "aws-chunked"}
    assert code_of(store.send("PUT", target, data=body, headers={**more, **headers})) == (400, code)
    assert (store.names(), store.blobs) == ([], 0)


def test_upload_to_a_bucket_that_is_not_there_leaves_nothing(store: Store) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        store.s3.put_object(Bucket="nowhere", Key="k", Body=bytes(100_000))
    assert store.blobs == 0


@pytest.mark.parametrize("way", ["put", "copy", "parts", "form"])
def test_key_is_as_long_as_s3_lets_it_be_and_no_longer(store: Store, way: str) -> None:
    longest, longer = "ü" * 512, "ü" * 512 + "a"
    store.s3.put_object(Bucket=BUCKET, Key="source", Body=b"abc")
    _make(store, way, longest)
    blobs = store.blobs
    reply = _make(store, way, longer)
    assert code_of(reply) == (400, "KeyTooLongError")
    told = "<Message>Your key is too long</Message><Size>1025</Size><MaxSizeAllowed>1024</MaxSizeAllowed>"
    assert told in reply.text
    assert longer not in store.names()
    assert (longest in store.names()) == (way != "parts")
    assert store.blobs == blobs


def _make(store: Store, way: str, key: str) -> requests.Response:
    match way:
        case "copy":
            return store.send("PUT", key, headers={"x-amz-copy-source": f"{BUCKET}/source"})
        case "parts":
            return store.send("POST", f"{key}?uploads")
        case "form":
            return store.send("POST", "", data={"key": key}, files={"file": b"abc"})
    return store.send("PUT", key, data=b"abc")


def test_replies_have_no_headers_that_s3_does_not_send(store: Store) -> None:
    replies = [store.send("PUT", "k", data=b""), store.send("HEAD", "k"), store.send("GET", "k")]
    assert all("x-amz-sdk-checksum-algorithm" not in reply.headers for reply in replies)
    kinds = [reply.headers.get("Content-Type") for reply in (*replies, store.send("DELETE", "k"))]
    assert kinds == [None, "binary/octet-stream", "binary/octet-stream", None]
