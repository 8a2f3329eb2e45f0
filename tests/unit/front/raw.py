"""HTTP by hand, for what no client library would send."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Reply:
    """A reply as it came: status, headers with lower-case names, body bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(url: str) -> socket.socket:
    """A connection to the server at ``url``."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=20)


def exchange(url: str, message: bytes) -> Reply:
    """Send ``message`` and read the reply until the server closes; the request should say ``connection: close``."""
    with connect(url) as sock:
        sock.sendall(message)
        return parsed(received(sock))


def received(sock: socket.socket) -> bytes:
    """Everything until the peer closes."""
    parts = []
    while part := sock.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def parsed(raw: bytes) -> Reply:
    """One reply; chunks are left as they are."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), headers, body)
