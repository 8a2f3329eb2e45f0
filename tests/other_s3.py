"""An S3 server of the user's, as a test wants it: what it was asked is kept, and every signature is checked.

The check is made after AWS's description of Signature Version 4 for S3 and shares no code with what signs.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

ACCESS_KEY = "AKIAUSERSOWN"
SECRET_KEY = "the-secret-of-the-user"
TOKEN = "the-session-token"


@dataclass
class Asked:
    """A request as it arrived. ``signed`` tells whether it has a good signature; None when it has none."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    signed: bool | None


@dataclass
class Answer:
    """What to answer: as many bytes as ``length`` says are promised, those of ``body`` are sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = None


class OtherS3:
    """The server; ``answer`` decides what it says."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda asked: Answer()
        self.connections = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator[OtherS3]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            thread.join()
            self._http.server_close()


def _handler(server: OtherS3) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server.connections += 1

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self._body(headers)
            asked = Asked(self.command, self.path, headers, body, is_signed(self.command, self.path, headers, body))
            server.asked.append(asked)
            answer = server.answer(asked)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            self.close_connection = answer.length is not None and self.command != "HEAD"

        def _body(self, headers: Mapping[str, str]) -> bytes:
            if headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler


def is_signed(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bool | None:
    """Whether the signature of a request, in its headers or its query, is that of our user."""
    path, _, query = target.partition("?")
    fields = dict(parse_qsl(query, keep_blank_values=True))
    if "authorization" in headers:
        words = headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
        claims = dict(word.strip().split("=", 1) for word in words)
        date, payload = headers["x-amz-date"], headers["x-amz-content-sha256"]
        token = headers.get("x-amz-security-token")
    elif "X-Amz-Signature" in fields:
        claims = {name: fields[f"X-Amz-{name}"] for name in ("Credential", "SignedHeaders", "Signature")}
        date, payload, token = fields["X-Amz-Date"], "UNSIGNED-PAYLOAD", fields.get("X-Amz-Security-Token")
        query = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
    else:
        return None
    hashed = hashlib.sha256(body).hexdigest()
    if token != TOKEN or (len(payload) == 64 and payload != hashed):
        return False
    names = claims["SignedHeaders"].split(";")
    missing = [name for name in headers if name.startswith("x-amz-") and name not in names]
    if missing or "host" not in names:
        return False
    canonical = "\n".join(
        [
            method,
            quote(unquote_to_bytes(path), safe="/-_.~"),
            _canonical_query(query),
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            claims["SignedHeaders"],
            payload,
        ]
    )
    access_key, day, region, service, end = claims["Credential"].split("/")
    scope = f"{day}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for word in (day, region, service, end, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return (access_key, service, key.hex()) == (ACCESS_KEY, "s3", claims["Signature"])


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    plain = [(unquote_to_bytes(name), unquote_to_bytes(value.replace("+", " "))) for name, _, value in pairs]
    return "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in plain))
