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
    close = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        if self.close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_PUT(self) -> None:
        """As moto_server answers: the connection ends with the answer."""
        self.close = True
        self.do_POST()

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


def test_each_client_sends_its_own_messages_in_turn(server: ThreadingHTTPServer) -> None:
    def message(path: str) -> bytes:
        return load.request("127.0.0.1", path, {}, b"")

    load.run_each(server.server_address[:2], [[message("/a1"), message("/a2")], [message("/b")]], seconds=0.2)
    paths = [path for path, _, _ in server.RequestHandlerClass.seen]
    first = [path for path in paths if path != "/b"]
    assert first[:4] == ["/a1", "/a2", "/a1", "/a2"]
    assert "/b" in paths


def test_what_is_to_be_sent_once_is_sent_once(server: ThreadingHTTPServer) -> None:
    messages = [load.request("127.0.0.1", f"/{number}", {}, b"") for number in range(10)]
    load.send_all(server.server_address[:2], [messages[:7], messages[7:]])
    assert sorted(path for path, _, _ in server.RequestHandlerClass.seen) == [f"/{number}" for number in range(10)]


def test_a_client_whose_connection_is_closed_after_an_answer_makes_another(server: ThreadingHTTPServer) -> None:
    message = MESSAGE.replace(b"POST", b"PUT", 1)
    found = load.send_all(server.server_address[:2], [[message] * 5, [message] * 5])
    assert len(server.RequestHandlerClass.seen) == 10
    assert 0 < found.p50 <= found.p99


def test_a_server_that_is_gone_ends_the_measurement(server: ThreadingHTTPServer) -> None:
    def last_answer(handler: Handler) -> None:
        handler.server.server_close()  # nobody listens any more when this answer has come
        handler.close_connection = True
        Handler.do_POST(handler)

    server.RequestHandlerClass.do_POST = last_answer
    with pytest.raises(RuntimeError, match=r"no connection could be made|closed the connection"):
        load.run(server.server_address[:2], MESSAGE, clients=1, seconds=5)
