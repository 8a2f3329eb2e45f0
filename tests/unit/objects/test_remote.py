"""Objects of another server, and its faults. What every store does: tests/contract/test_object_store.py."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.objects.port import AccessDenied, ObjectError
from emulator.objects.remote import RemoteObjects
from emulator.objects.server import S3Server
from tests.other_s3 import ACCESS_KEY, SECRET_KEY, TOKEN, Answer, Asked, OtherS3

CONTENT = bytes(range(256)) * 20_000
ETAG = {"ETag": '"e"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    with OtherS3().running() as server:
        yield server


@pytest.fixture
def store(other: OtherS3) -> RemoteObjects:
    return RemoteObjects(S3Server.of(other.url, "", "eu-west-1"))


def in_halves(asked: Asked) -> Answer:
    """What is asked for, of which only half comes before the connection ends, as long as much is left."""
    start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    left = CONTENT[start:]
    sent = left if len(left) < 10_000 else left[: len(left) // 2]
    return Answer(206 if start else 200, ETAG, sent, length=len(left))


def refused(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>In their words</Message></Error>"
    return Answer(status, {"Content-Type": "application/xml"}, body.encode())


def test_a_download_is_taken_up_where_its_connection_broke(store: RemoteObjects, other: OtherS3) -> None:
    other.answer = in_halves
    with store.open("b", "k") as body:
        assert body.read() == CONTENT
    assert {asked.headers.get("if-match") for asked in other.asked[1:]} == {'"e"'}
    assert all(asked.signed for asked in other.asked)


def test_a_download_can_be_read_from_anywhere(store: RemoteObjects, other: OtherS3) -> None:
    other.answer = in_halves
    with store.open("b", "k") as body:
        assert body.seek(-3, io.SEEK_END) == len(CONTENT) - 3
        assert body.read() == CONTENT[-3:]
        assert (body.seek(1 << 21), body.read(2)) == (1 << 21, CONTENT[1 << 21 : (1 << 21) + 2])
        assert (body.seek(len(CONTENT)), body.read()) == (len(CONTENT), b"")


def test_a_download_that_goes_on_breaking_says_what_to_do_and_leaves_no_file(
    store: RemoteObjects, other: OtherS3, tmp_path: Path
) -> None:
    other.answer = lambda asked: Answer(200, ETAG, b"", length=100)
    with pytest.raises(ObjectError, match=rf"S3 at {other.url} cannot be reached: .*Start that server"):
        store.place("b", "k", tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_an_object_that_was_replaced_in_the_middle_is_not_mixed(store: RemoteObjects, other: OtherS3) -> None:
    def answer(asked: Asked) -> Answer:
        return refused(412, "PreconditionFailed") if "range" in asked.headers else in_halves(asked)

    other.answer = answer
    with store.open("b", "k") as body, pytest.raises(ObjectError, match="PreconditionFailed: In their words"):
        body.read()


def test_a_wrong_checksum_is_an_error(store: RemoteObjects, other: OtherS3) -> None:
    other.answer = lambda asked: Answer(200, {**ETAG, "x-amz-checksum-crc32": "AAAAAA=="}, b"content")
    with store.open("b", "k") as body, pytest.raises(ObjectError, match="checksum"):
        body.read()


def test_refusals_are_told_in_the_servers_words(store: RemoteObjects, other: OtherS3) -> None:
    other.answer = lambda asked: refused(403, "AccessDenied")
    with pytest.raises(AccessDenied):
        store.open("b", "k")
    other.answer = lambda asked: refused(403, "InvalidAccessKeyId")
    with pytest.raises(ObjectError, match="InvalidAccessKeyId: In their words") as raised:
        store.list("b")
    assert raised.value.code == "InvalidAccessKeyId"


def test_the_key_that_encrypts_is_named(store: RemoteObjects, other: OtherS3) -> None:
    other.answer = lambda asked: Answer(headers=ETAG)
    assert store.put("b", "k", b"x", kms_key_id="key-1").etag == "e"
    put = other.asked[0].headers
    assert (put["x-amz-server-side-encryption"], put["x-amz-server-side-encryption-aws-kms-key-id"]) == (
        "aws:kms",
        "key-1",
    )


def test_a_server_that_is_not_there_is_named_with_what_to_do(other: OtherS3) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    store = RemoteObjects(S3Server.of(url, "", "eu-west-1"))
    for use in (lambda: store.list("b"), lambda: store.open("b", "k"), lambda: store.put("b", "k", b"x")):
        with pytest.raises(ObjectError, match=f"S3 at {url} cannot be reached: .*Start that server") as raised:
            use()
        assert raised.value.code == "ServiceUnavailable"
