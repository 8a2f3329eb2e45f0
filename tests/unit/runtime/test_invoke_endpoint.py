"""InvokeEndpoint on a real port, with real boto3 and raw sockets, before a container of the test's own."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.arns import Scope
from emulator.aws import Service
from emulator.clock import SystemClock
from emulator.front.server import Front
from emulator.runtime.invoke_endpoint import BODY_LIMIT, InvokeEndpoint
from emulator.serving.connection import Connections
from emulator.serving.invoke import Invoker
from emulator.serving.router import Route, Router, Target, Variant
from emulator.serving.traffic import Traffic

SCOPE = Scope("123456789012", "us-east-1")
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=h, Signature=0"


class Container(BaseHTTPRequestHandler):
    """Echoes the body, tells the headers it got, and sets custom attributes of its own."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]]

    def do_POST(self) -> None:
        type(self).seen.append(dict(self.headers))
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-echo")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from=container")
        self.send_header("X-Internal", "secret")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class NoMetrics:
    def put(self, *_: Any) -> None:
        pass


@pytest.fixture
def container() -> Iterator[ThreadingHTTPServer]:
    Container.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Container)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def router() -> Router:
    return Router()


@pytest.fixture
def front(router: Router, container: ThreadingHTTPServer) -> Iterator[Front]:
    target = Target("i", ("127.0.0.1", container.server_address[1]))
    router.set(Route(SCOPE, "e", "fleet", [Variant("v", 1.0, [target])]))
    connections = Connections()
    invoker = Invoker(router, connections, Traffic(NoMetrics(), SystemClock()))
    app = InvokeEndpoint(Service("sagemaker-runtime", {}), router, invoker, lambda _: SCOPE.account, SCOPE.region)
    front = Front(app, [("127.0.0.1", 0)], connections.close)
    front.start()
    yield front
    front.stop()


@pytest.fixture
def runtime(front: Front) -> Any:
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=front.url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_headers_go_both_ways_and_nothing_else_does(runtime: Any) -> None:
    reply = runtime.invoke_endpoint(
        EndpointName="e", Body=b"\0\xff", ContentType="text/csv", Accept="a/b", CustomAttributes="from=client"
    )
    assert reply["Body"].read() == b"\0\xff"
    assert (reply["ContentType"], reply["CustomAttributes"]) == ("application/x-echo", "from=container")
    assert reply["InvokedProductionVariant"] == "v"
    assert "x-internal" not in reply["ResponseMetadata"]["HTTPHeaders"]
    assert reply["ResponseMetadata"]["RequestId"]
    (seen,) = Container.seen
    got = {name.lower(): value for name, value in seen.items()}
    assert (got["content-type"], got["accept"]) == ("text/csv", "a/b")
    assert got["x-amzn-sagemaker-custom-attributes"] == "from=client"
    assert "authorization" not in got


@pytest.mark.parametrize("size", [0, 1, 100_000, BODY_LIMIT])
def test_bodies_up_to_the_limit_arrive_whole(runtime: Any, size: int) -> None:
    assert runtime.invoke_endpoint(EndpointName="e", Body=b"x" * size)["Body"].read() == b"x" * size


def test_a_body_over_the_limit_never_reaches_the_container(runtime: Any) -> None:
    with pytest.raises(ClientError, match=f"less than or equal to {BODY_LIMIT}"):
        runtime.invoke_endpoint(EndpointName="e", Body=b"x" * (BODY_LIMIT * 3))
    assert Container.seen == []


def test_members_are_validated_in_the_services_words(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.port)
    connection.request("POST", "/endpoints/no%20good/invocations", b"x", {"Authorization": SIGNED})
    reply = connection.getresponse()
    message = json.loads(reply.read())
    connection.close()
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert "at 'endpointName' failed to satisfy constraint" in (message.get("message") or message["Message"])


def test_a_chunked_request_is_taken(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.port)
    connection.request("POST", "/endpoints/e/invocations", iter([b"ab", b"cd"]), encode_chunked=True)
    assert connection.getresponse().read() == b"abcd"
    connection.close()


def test_what_is_not_built_says_so(runtime: Any) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="e", Body=b"x", SessionId="NEW_SESSION")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert Container.seen == []


def test_a_client_that_goes_away_in_its_request_does_no_harm(front: Front, runtime: Any) -> None:
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        connection.sendall(b"POST /endpoints/e/invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    assert runtime.invoke_endpoint(EndpointName="e", Body=b"x")["Body"].read() == b"x"
    assert len(Container.seen) == 1


def test_an_invocation_waits_for_a_route_that_is_expected(runtime: Any, router: Router) -> None:
    route = router.find(SCOPE, "e")
    assert route is not None
    router.drop(SCOPE, "e")
    router.expect(SCOPE, "e")
    timer = threading.Timer(0.3, router.set, (route,))
    timer.start()
    assert runtime.invoke_endpoint(EndpointName="e", Body=b"x")["Body"].read() == b"x"
    timer.join()


def test_an_endpoint_of_another_region_is_not_found(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.port)
    elsewhere = SIGNED.replace("us-east-1", "eu-west-1")
    connection.request("POST", "/endpoints/e/invocations", b"x", {"Authorization": elsewhere})
    reply = connection.getresponse()
    assert (reply.status, b"Endpoint e of account 123456789012 not found." in reply.read()) == (400, True)
    connection.close()
