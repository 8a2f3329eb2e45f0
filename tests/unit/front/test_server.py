"""Sockets, start and stop of the front."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest

from emulator.front import Front, PortInUse
from tests.unit.front.raw import connect

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on its loopback")


async def hello(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def said(host: str, port: int) -> bytes:
    with urlopen(f"http://{host}:{port}/", timeout=20) as reply:
        body: bytes = reply.read()
    return body


def test_port_0_takes_a_free_port_and_the_url_names_it() -> None:
    front = Front(hello, [("127.0.0.1", 0)])
    front.start()
    try:
        assert front.url == f"http://127.0.0.1:{front.port}"
        assert said("127.0.0.1", front.port) == b"hello"
    finally:
        front.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(front.url)


def test_port_in_use_is_told_in_plain_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"Cannot listen on 127\.0\.0\.1:{port}: Address already in use.*--port"):
            Front(hello, [("127.0.0.1", port)]).start()


@pytest.mark.parametrize(
    ("host", "reason"),
    [("nosuchhost.invalid", ""), ("192.0.2.1", "Cannot assign requested address")],
)
def test_address_that_is_not_this_machines_is_not_taken_for_one_in_use(host: str, reason: str) -> None:
    with pytest.raises(PortInUse, match=rf"Cannot listen on {host}:0: {reason}.*--host must be") as raised:
        Front(hello, [(host, 0)]).start()
    assert "already" not in str(raised.value)


@linux
def test_all_addresses_share_the_port() -> None:
    front = Front(hello, [("127.0.0.1", 0), ("127.0.0.2", 0)])
    front.start()
    try:
        assert said("127.0.0.2", front.port) == b"hello"
        assert front.unbound == {}
    finally:
        front.stop()


def test_other_address_that_cannot_be_bound_is_reported_and_not_fatal() -> None:
    front = Front(hello, [("127.0.0.1", 0), ("192.0.2.1", 0)])
    front.start()
    try:
        assert said("127.0.0.1", front.port) == b"hello"
        assert front.unbound == {("192.0.2.1", front.port): "Cannot assign requested address"}
    finally:
        front.stop()


def test_listening_everywhere_is_reached_on_loopback() -> None:
    front = Front(hello, [("0.0.0.0", 0)])
    front.start()
    try:
        assert front.url == f"http://127.0.0.1:{front.port}"
        assert said("127.0.0.1", front.port) == b"hello"
    finally:
        front.stop()


def test_several_fronts_live_in_one_process_one_after_the_other_and_together() -> None:
    for _ in range(3):
        fronts = [Front(hello, [("127.0.0.1", 0)]) for _ in range(2)]
        for front in fronts:
            front.start()
        assert [said("127.0.0.1", front.port) for front in fronts] == [b"hello"] * 2
        for front in fronts:
            front.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "front-loop"]


def test_port_is_free_again_after_stop() -> None:
    front = Front(hello, [("127.0.0.1", 0)])
    front.start()
    said("127.0.0.1", front.port)
    front.stop()
    again = Front(hello, [("127.0.0.1", front.port)])
    again.start()
    again.stop()


def test_half_sent_request_does_not_keep_the_front_from_stopping() -> None:
    front = Front(hello, [("127.0.0.1", 0)])
    front.start()
    with connect(front.url) as sock:
        sock.sendall(b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-le")
        front.stop()
        assert sock.recv(100) == b""


def test_signals_are_left_alone() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    front = Front(hello, [("127.0.0.1", 0)])
    front.start()
    assert {number: signal.getsignal(number) for number in before} == before
    front.stop()
    assert {number: signal.getsignal(number) for number in before} == before


def test_stopping_what_never_started_is_fine() -> None:
    Front(hello, [("127.0.0.1", 0)]).stop()
