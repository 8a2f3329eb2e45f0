"""The requests of boto3 as bytes, against the emulator's own front and cloud."""

from __future__ import annotations

from pathlib import Path

from benchmarks import load, s3_small
from benchmarks.s3_client import BUCKET, client, client_with_bucket, message
from tests.mounted import mounted


def test_a_message_is_the_request_of_boto3_signed_and_without_a_wait_for_100_continue() -> None:
    sent = message(80, "put_object", Key="a", Body=b"body")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /benchmark/a HTTP/1.1\r\n")
    assert b"\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/" in head
    assert b"\r\nContent-Length: 4" in head
    assert b"expect" not in head.lower()
    assert body == b"body"


def test_what_the_load_generator_puts_is_what_boto3_gets(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        port = aws.front.port
        client_with_bucket(port)
        load.send_all(("127.0.0.1", port), [s3_small.puts(port, range(3))])
        load.send_all(("127.0.0.1", port), [s3_small.gets(port, range(3))])
        s3 = client(port)
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert keys == [s3_small.key(number) for number in range(3)]
        assert s3.get_object(Bucket=BUCKET, Key=keys[-1])["Body"].read() == s3_small.BODY
