"""Clients that go away, and clients that wait."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

import pytest

from emulator.objects.blobs import SMALL
from tests.running import until
from tests.unit.cloud.s3.wire import BUCKET, SIGNED, Store


@pytest.mark.parametrize("target", ["k", "k?partNumber=1&uploadId={upload}"])
@pytest.mark.parametrize("sent", [10, 400_000])
def test_client_that_goes_away_in_the_middle_leaves_nothing_and_no_alarm(
    store: Store, target: str, sent: int, caplog: pytest.LogCaptureFixture
) -> None:
    upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    parts = urlsplit(store.url(target.format(upload=upload)))
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 500000\r\n"
    head += f"Authorization: {SIGNED['Authorization']}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(head.encode() + bytes(sent))
        if sent > SMALL:
            until(lambda: store.files == 1)
    until(lambda: store.files == 0)
    assert (store.names(), store.blobs) == ([], 0)
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


def test_client_that_waits_to_be_asked_is_asked(store: Store) -> None:
    parts = urlsplit(store.url("k"))
    head = f"PUT {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n"
    head += f"Authorization: {SIGNED['Authorization']}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(bytes(100_000))
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert reply.status == 200
    assert store.body("k") == bytes(100_000)
