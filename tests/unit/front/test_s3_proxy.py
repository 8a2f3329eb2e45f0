"""Requests for S3 that are passed on: what the other server gets to see, and what comes back."""

from __future__ import annotations

import hashlib
import http.client
import io
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.cloud.s3 import signatures
from emulator.front.s3_proxy import S3Proxy
from emulator.objects import presigned
from emulator.objects.server import S3Server
from tests.mounted import Mounted, mounted
from tests.other_s3 import ACCESS_KEY, SECRET_KEY, TOKEN, Answer, OtherS3
from tests.running import until
from tests.unit.front.raw import connect, exchange

SIGNED = "AWS4-HMAC-SHA256 Credential=test/20250101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"
SIGNED_CHUNK = b";chunk-signature=" + b"0" * 64


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    with OtherS3().running() as server:
        yield server


@pytest.fixture
def aws(other: OtherS3, tmp_path: Path) -> Iterator[Mounted]:
    proxy = S3Proxy(S3Server.of(other.url, "", "eu-west-1"), 4)
    with mounted(tmp_path, s3=proxy) as running:
        yield running
    proxy.close()


def client(aws: Mounted, **options: Any) -> Any:
    return aws.client("s3", config=Config(retries={"total_max_attempts": 1}, **options))


def ask(aws: Mounted, method: str, target: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
    """A request as it stands, signed with nonsense unless ``headers`` say otherwise; its answer is read."""
    connection = http.client.HTTPConnection(urlsplit(aws.url).netloc, timeout=20)
    given = {name.replace("_", "-"): value for name, value in {"authorization": SIGNED, **headers}.items() if value}
    connection.request(method, target, body, given)
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def chunks(*contents: bytes, extension: bytes = SIGNED_CHUNK, trailers: bytes = b"") -> bytes:
    framed = [b"%x%s\r\n%s\r\n" % (len(content), extension, content) for content in contents]
    return b"".join(framed) + b"0" + extension + b"\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("key", ["a", "a b+c", "ü/ß", "100%", "a?b#c", "%2F", "a;b=c", "a//b", "~._-", "a'(*)!@&$,:"])
def test_every_key_arrives_as_it_is_under_a_good_signature(aws: Mounted, other: OtherS3, key: str) -> None:
    from urllib.parse import unquote

    client(aws).put_object(Bucket="bucket", Key=key, Body=b"x")
    asked = other.asked[0]
    assert (asked.method, unquote(asked.target), asked.signed) == ("PUT", f"/bucket/{key}", True)


@pytest.mark.parametrize(
    "target",
    [
        "/b?prefix=a/b&delimiter=/",
        "/b?prefix=a+b",
        "/b?list-type=2&prefix=%c3%bc&max-keys=1",
        "/b?uploads",
        "/b?x=a'(b)*",
    ],
)
def test_every_spelling_of_a_query_gets_a_good_signature(aws: Mounted, other: OtherS3, target: str) -> None:
    assert ask(aws, "GET", target).status == 200
    assert other.asked[0].signed is True


def test_headers_go_both_ways_but_for_those_of_a_connection(aws: Mounted, other: OtherS3) -> None:
    other.answer = lambda asked: Answer(206, {"ETag": '"e"', "x-amz-meta-b": "c", "Keep-Alive": "timeout=5"}, b"part")
    answer = ask(
        aws,
        "GET",
        "/bucket/key",
        range="bytes=0-3",
        if_none_match='"x"',
        x_amz_request_payer="requester",
        user_agent="theirs",
        keep_alive="timeout=9",
        connection="x-private",
        x_private="1",
    )
    seen = other.asked[0].headers
    assert other.asked[0].signed is True
    assert (seen["range"], seen["if-none-match"], seen["user-agent"]) == ("bytes=0-3", '"x"', "theirs")
    assert seen["x-amz-request-payer"] == "requester"
    assert "x-private" not in seen
    assert "keep-alive" not in seen
    assert (answer.status, answer.headers["etag"], answer.headers["x-amz-meta-b"]) == (206, '"e"', "c")
    assert "keep-alive" not in answer.headers
    assert len(answer.headers.get_all("date", [])) == 1
    assert answer.body == b"part"  # type: ignore[attr-defined]


def test_user_metadata_keeps_its_spelling_and_its_bytes(aws: Mounted, other: OtherS3) -> None:
    lines = [b"PUT /b/k HTTP/1.1", b"host: localhost", b"connection: close", b"content-length: 0"]
    lines += [b"authorization: " + SIGNED.encode(), b"x-amz-meta-my_name: a", "x-amz-meta-city: Köln".encode()]
    assert exchange(aws.url, b"\r\n".join(lines) + b"\r\n\r\n").status == 200
    seen = other.asked[0]
    assert seen.headers["x-amz-meta-my_name"] == "a"
    assert seen.headers["x-amz-meta-city"].encode("latin-1") == "Köln".encode()
    assert seen.signed is True


def test_the_hash_of_a_body_is_passed_on_so_that_the_server_checks_it(aws: Mounted, other: OtherS3) -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    ask(aws, "PUT", "/b/k", b"body", x_amz_content_sha256=digest)
    ask(aws, "PUT", "/b/k", b"other", x_amz_content_sha256=digest)
    assert [asked.signed for asked in other.asked] == [True, False]


def test_a_large_body_and_answer_come_through_whole(aws: Mounted, other: OtherS3) -> None:
    content = bytes(range(256)) * (20 << 12)
    other.answer = lambda asked: Answer(body=asked.body)
    assert ask(aws, "PUT", "/b/k", content).body == content  # type: ignore[attr-defined]
    assert other.asked[0].headers["content-length"] == str(len(content))


def test_a_body_of_unknown_length_stays_one(aws: Mounted, other: OtherS3) -> None:
    ask(aws, "PUT", "/b/k", iter([b"a" * 3_000_000, b"b"]))
    seen = other.asked[0]
    assert (seen.body, seen.signed) == (b"a" * 3_000_000 + b"b", True)
    assert seen.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in seen.headers


def test_chunks_without_signatures_are_left_as_they_are(aws: Mounted, other: OtherS3) -> None:
    body = chunks(b"hello", extension=b"", trailers=b"x-amz-checksum-crc32:NhCmhg==\r\n")
    headers = {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content_encoding": "aws-chunked"}
    ask(aws, "PUT", "/b/k", body, x_amz_trailer="x-amz-checksum-crc32", x_amz_decoded_content_length="5", **headers)
    seen = other.asked[0]
    assert (seen.body, seen.signed) == (body, True)
    assert seen.headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert seen.headers["content-encoding"] == "aws-chunked"


def test_chunks_with_signatures_are_decoded(aws: Mounted, other: OtherS3) -> None:
    headers = {"x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "content_encoding": "aws-chunked,gzip"}
    body = chunks(b"a" * 100_000, b"b")
    ask(aws, "PUT", "/b/k", body, x_amz_decoded_content_length="100001", **headers)
    seen = other.asked[0]
    assert (seen.body, seen.signed) == (b"a" * 100_000 + b"b", True)
    assert seen.headers["content-length"] == "100001"
    assert seen.headers["content-encoding"] == "gzip"
    assert seen.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "x-amz-decoded-content-length" not in seen.headers


def test_trailing_headers_behind_signed_chunks_are_kept(aws: Mounted, other: OtherS3) -> None:
    trailers = b"x-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:0\r\n"
    headers = {"x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "content_encoding": "aws-chunked"}
    body = chunks(b"he", b"llo", trailers=trailers)
    ask(aws, "PUT", "/b/k", body, x_amz_trailer="x-amz-checksum-crc32", x_amz_decoded_content_length="5", **headers)
    seen = other.asked[0]
    assert seen.body == chunks(b"hello", extension=b"", trailers=b"x-amz-checksum-crc32:NhCmhg==\r\n")
    assert seen.headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert seen.headers["x-amz-decoded-content-length"] == "5"
    assert seen.signed is True


def test_a_broken_chunk_is_the_clients_fault(aws: Mounted) -> None:
    body = chunks(b"a" * 1000)[:500]
    digest = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    answer = ask(aws, "PUT", "/b/k", body, x_amz_content_sha256=digest, x_amz_decoded_content_length="1000")
    assert answer.status == 400
    assert b"<Code>IncompleteBody</Code>" in answer.body  # type: ignore[attr-defined]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_is_signed_anew_in_its_query(aws: Mounted, other: OtherS3, version: str) -> None:
    params = {"Bucket": "b", "Key": "k", "ResponseContentType": "text/csv; charset=utf-8"}
    url = client(aws, signature_version=version).generate_presigned_url("get_object", params)
    assert ask(aws, "GET", url.removeprefix(aws.url), authorization="").status == 200
    seen = other.asked[0]
    assert seen.signed is True
    assert seen.target.startswith("/b/k?response-content-type=text%2Fcsv%3B%20charset%3Dutf-8&X-Amz-Algorithm=")
    assert "authorization" not in seen.headers
    assert "Credential=test" not in seen.target
    assert "AWSAccessKeyId" not in seen.target


def test_a_presigned_upload_is_signed_anew_with_its_headers(aws: Mounted, other: OtherS3) -> None:
    params = {"Bucket": "b", "Key": "k", "ContentType": "text/csv", "Metadata": {"a": "b"}}
    url = client(aws, signature_version="s3v4").generate_presigned_url("put_object", params)
    target = url.removeprefix(aws.url)
    ask(aws, "PUT", target, b"1,2", authorization="", content_type="text/csv", x_amz_meta_a="b")
    seen = other.asked[0]
    assert (seen.signed, seen.body, seen.headers["x-amz-meta-a"]) == (True, b"1,2", "b")


def test_a_presigned_url_that_is_refused_does_not_reach_the_server(other: OtherS3, tmp_path: Path) -> None:
    from emulator.objects.wire_error import InvalidRequest

    def refuse(environ: Any) -> None:
        if "X-Amz-Signature" in environ["QUERY_STRING"]:
            raise InvalidRequest("Request has expired")

    with mounted(tmp_path, s3=S3Proxy(S3Server.of(other.url, "", "eu-west-1"), 4, refuse)) as aws:
        answer = ask(
            aws, "GET", "/b/k?X-Amz-Credential=t/20250101/r/s3/aws4_request&X-Amz-Signature=0", authorization=""
        )
    assert answer.status == 400
    assert b"Request has expired" in answer.body  # type: ignore[attr-defined]
    assert other.asked == []


@pytest.mark.parametrize("query", ["signature=x", "x-amz-algorithm=x", "X-Amz-Signatur%65=x", "Signature"])
def test_a_piece_of_a_signature_is_refused_and_not_signed_anew(other: OtherS3, tmp_path: Path, query: str) -> None:
    def verify(environ: Any) -> None:
        presigned.verify(signatures.sent(environ), 0, lambda key: None)

    with mounted(tmp_path, s3=S3Proxy(S3Server.of(other.url, "", "eu-west-1"), 4, verify)) as aws:
        assert ask(aws, "GET", f"/b/k?{query}", authorization="").status in (400, 403)
    assert other.asked == []


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_what_nobody_signed_is_passed_on_unsigned(aws: Mounted, other: OtherS3, method: str) -> None:
    assert ask(aws, method, "/b/k", authorization="", origin="http://localhost:3000").status == 200
    assert other.asked[0].signed is None
    assert other.asked[0].headers["origin"] == "http://localhost:3000"


def test_virtual_host_style_becomes_path_style(aws: Mounted, other: OtherS3) -> None:
    ask(aws, "GET", "/k", host="bucket.s3.localhost")
    assert (other.asked[0].target, other.asked[0].signed) == ("/bucket/k", True)
    assert other.asked[0].headers["host"] == urlsplit(other.url).netloc


def test_other_services_and_the_control_plane_of_s3_stay_here(aws: Mounted, other: OtherS3) -> None:
    assert aws.client("sts").get_caller_identity()["Account"]
    assert aws.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    answer = ask(aws, "GET", "/v20180820/configuration/publicAccessBlock", x_amz_account_id="111122223333")
    assert b"NoSuchPublicAccessBlockConfiguration" in answer.body  # type: ignore[attr-defined]
    assert other.asked == []


def test_an_error_of_the_server_is_told_as_it_is(aws: Mounted, other: OtherS3) -> None:
    error = b"<Error><Code>NoSuchBucket</Code><Message>Theirs</Message></Error>"
    other.answer = lambda asked: Answer(404, {"Content-Type": "application/xml"}, error)
    with pytest.raises(ClientError, match=r"NoSuchBucket.*Theirs"):
        client(aws).list_objects_v2(Bucket="b")


def test_the_length_of_a_head_is_the_objects(aws: Mounted, other: OtherS3) -> None:
    other.answer = lambda asked: Answer(length=123)
    for _ in range(2):
        assert ask(aws, "HEAD", "/b/k").headers["content-length"] == "123"
    assert other.connections == 1


def test_an_answer_that_ends_early_is_cut_short(aws: Mounted, other: OtherS3) -> None:
    other.answer = lambda asked: Answer(body=b"x" * 1_000_000, length=2_000_000)
    with pytest.raises(http.client.IncompleteRead):
        ask(aws, "GET", "/b/k")


def test_an_upload_that_breaks_off_is_not_completed(aws: Mounted, other: OtherS3) -> None:
    with connect(aws.url) as sock:
        head = f"PUT /b/k HTTP/1.1\r\nhost: x\r\nauthorization: {SIGNED}\r\ncontent-length: 9000000\r\n\r\n"
        sock.sendall(head.encode() + b"x" * 1_000_000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: other.asked, what="the server saw the end of the upload")
    assert len(other.asked[0].body) < int(other.asked[0].headers["content-length"])


def test_connections_are_used_again_and_one_that_the_server_closed_is_replaced(aws: Mounted, other: OtherS3) -> None:
    for _ in range(3):
        assert ask(aws, "GET", "/b/k").status == 200
    assert other.connections == 1
    other.answer = lambda asked: Answer(headers={"Connection": "close"})
    for _ in range(2):
        assert ask(aws, "GET", "/b/k").status == 200
    assert len(other.asked) == 5


def test_a_server_that_is_not_there_is_named_with_what_to_do(tmp_path: Path, other: OtherS3) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with mounted(tmp_path, s3=S3Proxy(S3Server.of(url, "", "eu-west-1"), 4)) as aws:
        with pytest.raises(ClientError, match=f"S3 at {url} cannot be reached: .*Start that server") as raised:
            client(aws).list_objects_v2(Bucket="b")
        assert raised.value.response["Error"]["Code"] == "ServiceUnavailable"
        assert ask(aws, "PUT", "/b/k", b"x" * 1_000_000).status == 503


def test_an_upload_form_is_refused_with_another_way(aws: Mounted, other: OtherS3) -> None:
    answer = ask(aws, "POST", "/b", b"--x--", authorization="", content_type="multipart/form-data; boundary=x")
    assert answer.status == 501
    assert b"Upload with a presigned URL" in answer.body  # type: ignore[attr-defined]
    assert other.asked == []


def test_a_request_that_comes_back_is_refused(aws: Mounted, other: OtherS3) -> None:
    ask(aws, "GET", "/b/k", via="1.0 theirs")
    theirs, ours = other.asked[0].headers["via"].split(", ")
    assert theirs == "1.0 theirs"
    answer = ask(aws, "GET", "/b/k", via=ours)
    assert answer.status == 400
    assert b"sends requests back to this emulator" in answer.body  # type: ignore[attr-defined]
    assert len(other.asked) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"host": "evil.example"},
        {"origin": "https://evil.example", "host": "bucket.s3.amazonaws.com"},
    ],
)
def test_a_page_of_another_site_cannot_use_the_users_credentials(
    aws: Mounted, other: OtherS3, headers: dict[str, str]
) -> None:
    presigned = "/b?delete&X-Amz-Credential=t/20250101/eu-west-1/s3/aws4_request&X-Amz-Signature=0"
    assert (
        ask(aws, "POST", presigned, b"<Delete/>", authorization="", content_type="text/plain", **headers).status == 403
    )
    assert other.asked == []


def test_credentials_are_those_of_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, other: OtherS3) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    lines = [f"aws_access_key_id={ACCESS_KEY}", f"aws_secret_access_key={SECRET_KEY}", f"aws_session_token={TOKEN}"]
    (tmp_path / "credentials").write_text("\n".join(["[work]", *lines]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with mounted(tmp_path, s3=S3Proxy(S3Server.of(other.url, "work", "eu-west-1"), 4)) as aws:
        client(aws).put_object(Bucket="b", Key="k", Body=io.BytesIO(b"x"))
    assert other.asked[0].signed is True
