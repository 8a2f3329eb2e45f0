"""Invocations against real sockets: what a container answers, and what can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import pytest

from emulator.arns import Scope
from emulator.clock import FakeClock
from emulator.errors import ModelError, ServiceUnavailable, ValidationError
from emulator.serving.connection import Connections
from emulator.serving.health import ping
from emulator.serving.invoke import BODY_LIMIT, MESSAGE_LIMIT, Answer, Invoker
from emulator.serving.router import Route, Router, Target, Variant
from emulator.serving.traffic import Traffic
from emulator.sinks.port import Datum, StatisticSet

SCOPE = Scope("123456789012", "us-east-1")

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Sink:
    """A MetricSink that keeps what it is given."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum | StatisticSet]) -> None:
        assert (scope, namespace) == (SCOPE, "AWS/SageMaker")
        for datum in data:
            assert isinstance(datum, StatisticSet)
            assert datum.dimensions == {"EndpointName": "e", "VariantName": "v"}
            self.sums[datum.name] = self.sums.get(datum.name, 0.0) + datum.total


def answering(reply: bytes) -> Handle:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(reply)
        await writer.drain()
        writer.close()

    return handle


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def invoke(handle: Handle, sink: Sink | None = None, variant: str | None = None, timeout: float = 10.0) -> Answer:
    async def run() -> Answer:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        target = Target("i-1", server.sockets[0].getsockname())
        traffic = Traffic(sink or Sink(), FakeClock())
        connections = Connections()
        invoker = Invoker(Router(), connections, traffic, timeout)
        route = Route(SCOPE, "e", "fleet", [Variant("v", 1.0, [target])])
        try:
            return await invoker.invoke(route, variant, {"Content-Type": "text/csv"}, b"1,2")
        finally:
            traffic.flush()
            connections.close()
            server.close()

    return asyncio.run(run())


def test_a_good_answer_comes_back_with_its_headers_and_is_counted() -> None:
    sink = Sink()
    answer = invoke(answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\ncontent-length: 3\r\n\r\n0.5"), sink)
    assert (answer.variant, answer.body) == ("v", b"0.5")
    assert (b"Content-Type", b"text/csv") in list(answer.headers)
    assert (sink.sums["Invocations"], sink.sums["InvocationModelErrors"]) == (1.0, 0.0)
    assert sink.sums["ModelLatency"] > 0


@pytest.mark.parametrize(
    ("status", "side", "metric"), [(400, "client", "Invocation4XXErrors"), (503, "server", "Invocation5XXErrors")]
)
def test_an_error_status_is_a_model_error_in_the_services_words(status: int, side: str, metric: str) -> None:
    sink = Sink()
    with pytest.raises(ModelError) as caught:
        invoke(answering(b"HTTP/1.1 %d X\r\ncontent-length: 3\r\n\r\nbad" % status), sink)
    assert caught.value.message == (
        f'Received {side} error ({status}) from primary with message "bad". See https://us-east-1.console.aws.amazon'
        ".com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws/sagemaker/Endpoints/e in account "
        "123456789012 for more information."
    )
    assert caught.value.fields["OriginalStatusCode"] == status
    assert sink.sums[metric] == sink.sums["InvocationModelErrors"] == 1.0


def test_a_container_that_takes_too_long_is_a_model_error_that_says_so() -> None:
    with pytest.raises(ModelError, match="Your invocation timed out while waiting") as caught:
        invoke(_silent, timeout=0.2)
    assert caught.value.fields["OriginalStatusCode"] == 0


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_a_container_that_gives_no_whole_answer_is_a_model_error(reply: bytes) -> None:
    sink = Sink()
    with pytest.raises(ModelError, match=r"Received server error \(0\) from primary"):
        invoke(answering(reply), sink)
    assert sink.sums["Invocation5XXErrors"] == 1.0


def endless(head: bytes, frame: bytes, sent: list[int]) -> Handle:
    """A container that sends ``frame`` after ``head`` until nobody listens; ``sent`` counts the bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        with suppress(ConnectionError):
            while sum(sent) < 4 * BODY_LIMIT:
                writer.write(frame)
                await writer.drain()
                sent.append(len(frame))
        writer.close()

    return handle


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_without_end_is_a_model_error_and_is_not_read_on(status: int, chunked: bool) -> None:
    framing = b"transfer-encoding: chunked" if chunked else b"content-type: text/csv"
    frame = b"100000\r\n" + bytes(1 << 20) + b"\r\n" if chunked else bytes(1 << 20)
    sent: list[int] = []
    with pytest.raises(ModelError, match=r"Received server error \(0\) from primary .* larger than") as caught:
        invoke(endless(b"HTTP/1.1 %d X\r\n%s\r\n\r\n" % (status, framing), frame, sent))
    assert caught.value.fields["OriginalStatusCode"] == 0
    assert sum(sent) < 2 * BODY_LIMIT


def test_an_answer_of_the_longest_length_comes_back_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % BODY_LIMIT
    assert len(invoke(answering(head + bytes(BODY_LIMIT))).body) == BODY_LIMIT


def test_only_the_beginning_of_a_long_error_is_told() -> None:
    text = "ü" * (MESSAGE_LIMIT + 1)
    body = text.encode()
    with pytest.raises(ModelError) as caught:
        invoke(answering(b"HTTP/1.1 500 X\r\ncontent-length: %d\r\n\r\n" % len(body) + body))
    assert caught.value.fields["OriginalMessage"] == text[:MESSAGE_LIMIT]
    assert len(caught.value.message) < MESSAGE_LIMIT + 1000


def test_a_container_that_is_gone_is_a_model_error_and_only_the_log_knows_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_silent, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        server.close()
        await server.wait_closed()
        invoker = Invoker(Router(), Connections(), Traffic(Sink(), FakeClock()))
        await invoker.invoke(Route(SCOPE, "e", "f", [Variant("v", 1.0, [Target("i", address)])]), None, {}, b"")

    with pytest.raises(ModelError, match="The container primary could not be reached") as caught:
        asyncio.run(run())
    assert "127.0.0.1" not in caught.value.message
    assert "cannot connect to 127.0.0.1" in caplog.text


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(ValidationError, match="Variant blue not found"):
        invoke(_silent, variant="blue")


def test_a_variant_without_containers_is_unavailable() -> None:
    invoker = Invoker(Router(), Connections(), Traffic(Sink(), FakeClock()))
    with pytest.raises(ServiceUnavailable):
        asyncio.run(invoker.invoke(Route(SCOPE, "e", "f", [Variant("v", 1.0, [])]), None, {}, b""))


def test_a_ping_is_good_only_for_200() -> None:
    async def pinged(reply: bytes) -> bool:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            return await asyncio.to_thread(ping, server.sockets[0].getsockname())
        finally:
            server.close()

    assert asyncio.run(pinged(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"))
    assert not asyncio.run(pinged(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n"))
    assert not asyncio.run(pinged(b""))
