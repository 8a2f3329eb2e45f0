"""The load generator, against a server that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str | None, bytes]]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    handler = type("Answering", (Handler,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield serving
        serving.shutdown()


MESSAGE = load.request("127.0.0.1", "/invocations", {"Content-Type": "text/csv"}, b"1,2,3")


def test_every_client_sends_the_request_until_the_time_is_up(server: ThreadingHTTPServer) -> None:
    found = load.run(server.server_address[:2], MESSAGE, clients=3, seconds=0.2)
    seen = server.RequestHandlerClass.seen
    assert len(seen) >= 3
    assert set(seen) == {("/invocations", "text/csv", b"1,2,3")}
    assert 0 < found.p50 <= found.p99
    assert found.throughput > 0


def test_an_answer_that_is_no_success_ends_the_measurement(server: ThreadingHTTPServer) -> None:
    server.RequestHandlerClass.status = 503
    with pytest.raises(RuntimeError, match="an answer was 503"):
        load.run(server.server_address[:2], MESSAGE, clients=1, seconds=0.2)
