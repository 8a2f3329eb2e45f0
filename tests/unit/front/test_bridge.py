"""The bridge with a real server before it and raw sockets as clients."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from emulator.front import Bridge, Front
from tests.unit.front.raw import connect, exchange, parsed, received

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CLOSE = b"host: x\r\nconnection: close\r\n"


@contextmanager
def serving(app: App, threads: int = 4) -> Iterator[str]:
    """The URL of ``app`` behind the bridge."""
    bridge = Bridge(app, threads)
    front = Front(bridge, [("127.0.0.1", 0)])
    front.start()
    try:
        yield front.url
    finally:
        front.stop()
        bridge.close()


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [body]


def seen(message: bytes) -> dict[str, Any]:
    """The environ an application sees for a raw request."""
    kept: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        kept.update(environ)
        start_response("204 No Content", [])
        return []

    with serving(app) as url:
        assert exchange(url, message).status == 204
    return kept


def test_path_query_and_raw_target_arrive_as_they_were_sent() -> None:
    environ = seen(b"GET /b/a%2Fb%3F%C3%BC+?prefix=x%20y&versions HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert environ["RAW_URI"] == "/b/a%2Fb%3F%C3%BC+?prefix=x%20y&versions"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/b/a/b?ü+"
    assert environ["QUERY_STRING"] == "prefix=x%20y&versions"


def test_user_metadata_keeps_its_underscores_and_nothing_else_may_have_them() -> None:
    headers = b"x-amz-meta-a_b: 1\r\nX-Amz-Meta-c-d: 2\r\nauthor_ization: forged\r\nx_amz_target: forged\r\n"
    environ = seen(b"GET / HTTP/1.1\r\n" + headers + CLOSE + b"\r\n")
    assert environ["HTTP_X_AMZ_META_A_B"] == "1"
    assert {name.lower() for name in environ["moto.preserved_header_names"].values()} == {"x-amz-meta-a_b"}
    assert "HTTP_AUTHOR_IZATION" not in environ
    assert "HTTP_X_AMZ_TARGET" not in environ


def test_underscored_metadata_cannot_stand_in_for_the_dashed_one() -> None:
    environ = seen(b"GET / HTTP/1.1\r\nx-amz-meta-a_b: forged\r\nx-amz-meta-a-b: real\r\n" + CLOSE + b"\r\n")
    assert environ["HTTP_X_AMZ_META_A_B"] == "real"
    assert environ["moto.preserved_header_names"] == {}


def test_repeated_headers_are_joined() -> None:
    environ = seen(b"GET / HTTP/1.1\r\nx-a: 1\r\nX-A: 2\r\n" + CLOSE + b"\r\n")
    assert environ["HTTP_X_A"] == "1,2"


@pytest.mark.parametrize("size", [0, 1, 64 << 10, (64 << 10) + 1, 5 << 20])
def test_body_of_any_size_arrives_whole(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with serving(echo) as url:
        reply = exchange(url, b"PUT / HTTP/1.1\r\ncontent-length: %d\r\n" % size + CLOSE + b"\r\n" + body)
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, str(size), body)


@pytest.mark.parametrize(("pieces", "length"), [([b"abc", b"de"], "5"), ([b"x" * 60_000] * 4, "none")])
def test_chunked_body_is_read_to_its_end(pieces: list[bytes], length: str) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    with serving(echo) as url:
        reply = exchange(url, b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n" + CLOSE + b"\r\n" + chunks)
    assert reply.body == b"".join(pieces)
    assert reply.headers["x-length"] == length


def test_body_is_read_line_by_line_too() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        count = sum(1 for _ in environ["wsgi.input"])
        start_response("200 OK", [("Content-Length", "6")])
        return [b"%06d" % count]

    body = b"line\n" * 20_000
    with serving(app) as url:
        reply = exchange(url, b"PUT / HTTP/1.1\r\ncontent-length: %d\r\n" % len(body) + CLOSE + b"\r\n" + body)
    assert reply.body == b"020000"


def test_expect_100_is_answered_before_the_body_is_sent() -> None:
    with serving(echo) as url, connect(url) as sock:
        sock.sendall(b"PUT / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n" + CLOSE + b"\r\n")
        assert sock.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert parsed(received(sock)).body == b"abc"


def test_head_has_the_length_and_no_body() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "1234")])
        return []

    with serving(app) as url:
        reply = exchange(url, b"HEAD / HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, "1234", b"")


def test_reply_without_a_length_gets_one_when_it_is_whole() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"ab", b"c"]

    with serving(app) as url:
        reply = exchange(url, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert (reply.headers["content-length"], reply.body) == ("3", b"abc")


def test_connection_is_kept_for_the_next_request() -> None:
    with serving(echo) as url, connect(url) as sock:
        for turn in range(3):
            sock.sendall(b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n%d" % turn)
            raw = b""
            while not raw.endswith(b"\r\n\r\n%d" % turn):
                raw += sock.recv(1 << 16)


class Endless:
    """A body of pieces without end, which tells how many were taken and that it was closed."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.taken += 1
        return b"x" * (1 << 20)

    def close(self) -> None:
        self.closed.set()


def test_slow_client_makes_the_application_wait_and_a_gone_one_ends_it() -> None:
    body = Endless()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    with serving(app) as url:
        with connect(url) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert sock.recv(15) == b"HTTP/1.1 200 OK"
            for _ in range(40):  # the client reads one megabyte; without back-pressure thousands would be taken
                sock.recv(25_000, socket.MSG_WAITALL)
            assert body.taken < 40
        assert body.closed.wait(20)


def test_client_that_leaves_in_the_middle_of_its_body_is_not_taken_for_complete() -> None:
    outcome: list[object] = []
    told = threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            outcome.append(environ["wsgi.input"].read())
        except OSError as error:
            outcome.append(type(error).__name__)
            raise
        finally:
            told.set()
        start_response("200 OK", [])
        return []

    with serving(app) as url:
        with connect(url) as sock:
            sock.sendall(b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 200_000)
        assert told.wait(20)
        assert outcome == ["ClientGone"]
        assert exchange(url, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n").status == 200


def test_application_that_fails_is_a_500_and_the_worker_lives(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise ZeroDivisionError

    with serving(app, threads=1) as url:
        for _ in range(2):
            assert exchange(url, b"GET /secret HTTP/1.1\r\n" + CLOSE + b"\r\n").status == 500
    assert "GET /secret failed" in caplog.text


def test_reply_that_fails_in_the_middle_is_cut_short_and_not_completed() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"x" * (1 << 20)
        raise ZeroDivisionError

    with serving(app) as url:
        reply = exchange(url, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert reply.headers["transfer-encoding"] == "chunked"
    assert not reply.body.endswith(b"0\r\n\r\n")


def test_requests_run_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=20)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        together.wait()
        start_response("204 No Content", [])
        return []

    with serving(app, threads=4) as url:
        statuses: list[int] = []
        ask = lambda: statuses.append(exchange(url, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n").status)  # noqa: E731
        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert statuses == [204] * 4
