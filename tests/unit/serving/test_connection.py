"""The container client against real sockets that behave in every way a container can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from emulator.serving import connection
from emulator.serving.connection import Address, Connections, ContainerUnreachable, ReplyBroken

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Container:
    """A listening socket; ``heads`` are the request heads it received, ``connections`` how many it accepted."""

    def __init__(self) -> None:
        self.address: Address = ("127.0.0.1", 0)
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def request(self, reader: asyncio.StreamReader) -> bool:
        """Read one request; False when the client went away instead."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        lines = head.lower().split(b"\r\n")
        size = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(size))
        return True


@asynccontextmanager
async def container(answer: Callable[[Container], Peer]) -> AsyncIterator[tuple[Container, Connections]]:
    """A container that treats each connection as ``answer`` says, and the pool under test."""
    it, pool = Container(), Connections()
    peer = answer(it)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.connections += 1
        try:
            await peer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    it.address = server.sockets[0].getsockname()[:2]
    try:
        yield it, pool
    finally:
        pool.close()
        server.close()


def replies(*answers: bytes, close: bool = False) -> Callable[[Container], Peer]:
    """Each request of a connection gets the next of ``answers`` (the last one again and again)."""

    def peer_of(it: Container) -> Peer:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            pending = list(answers)
            while await it.request(reader):
                writer.write(pending.pop(0) if len(pending) > 1 else pending[0])
                await writer.drain()
                if close:
                    return

        return peer

    return peer_of


async def body_of(pool: Connections, it: Container, method: str = "POST", path: str = "/invocations") -> bytes:
    response = await pool.request(it.address, method, path, {}, b"1,2", timeout=20)
    return await response.read()


def test_request_arrives_as_it_was_given() -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, pool):
            response = await pool.request(
                it.address, "POST", "/invocations", [("content-type", "text/csv"), ("x-a", "1")], b"1,2", timeout=20
            )
            assert (response.status, await response.read()) == (200, b"hi")
            head = it.heads[0].split(b"\r\n")
            assert head[0] == b"POST /invocations HTTP/1.1"
            assert {b"content-type: text/csv", b"x-a: 1", b"content-length: 3"} <= set(head)
            assert it.bodies == [b"1,2"]

    asyncio.run(run())


def test_connection_is_kept_and_used_again() -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, pool):
            assert [await body_of(pool, it) for _ in range(5)] == [b"hi"] * 5
            assert it.connections == 1

    asyncio.run(run())


def test_concurrent_requests_do_not_share_a_connection() -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, pool):
            assert await asyncio.gather(*(body_of(pool, it) for _ in range(8))) == [b"hi"] * 8
            assert it.connections == 8

    asyncio.run(run())


def test_connection_closed_while_idle_is_replaced_without_the_caller_noticing() -> None:
    async def run() -> None:
        async with container(replies(OK, close=True)) as (it, pool):
            assert [await body_of(pool, it) for _ in range(3)] == [b"hi"] * 3
            assert it.connections == 3

    asyncio.run(run())


def closes_on_second_request(it: Container) -> Peer:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await it.request(reader):
            writer.write(OK)
            await it.request(reader)

    return peer


def test_get_over_a_kept_connection_that_closes_on_receipt_is_sent_once_more_on_a_new_one() -> None:
    async def run() -> None:
        async with container(closes_on_second_request) as (it, pool):
            assert [await body_of(pool, it, "GET"), await body_of(pool, it, "GET")] == [b"hi", b"hi"]
            assert len(it.heads) == 3

    asyncio.run(run())


def test_post_that_the_container_may_have_acted_on_is_not_sent_twice() -> None:
    async def run() -> None:
        async with container(closes_on_second_request) as (it, pool):
            assert await body_of(pool, it) == b"hi"
            with pytest.raises(ContainerUnreachable, match="closed the connection"):
                await body_of(pool, it)
            assert len(it.heads) == 2
            assert await body_of(pool, it) == b"hi"

    asyncio.run(run())


def test_connection_that_was_idle_for_long_is_replaced_before_the_container_closes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, pool):
            await asyncio.gather(body_of(pool, it), body_of(pool, it))
            loop = asyncio.get_running_loop()
            now = loop.time()
            with monkeypatch.context() as patch:
                patch.setattr(loop, "time", lambda: now + connection._IDLE_SECONDS + 1)
                await body_of(pool, it)
            assert it.connections == 3
            assert len(pool._idle[it.address]) == 1

    asyncio.run(run())


def test_new_connection_closed_without_a_reply_is_unreachable_and_not_tried_again() -> None:
    def peer_of(it: Container) -> Peer:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await it.request(reader)

        return peer

    async def run() -> None:
        async with container(peer_of) as (it, pool):
            with pytest.raises(ContainerUnreachable, match="closed the connection"):
                await body_of(pool, it)
            assert it.connections == 1

    asyncio.run(run())


def test_reset_is_unreachable() -> None:
    def peer_of(it: Container) -> Peer:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await it.request(reader)
            writer.transport.abort()

        return peer

    async def run() -> None:
        async with container(peer_of) as (it, pool):
            with pytest.raises(ContainerUnreachable):
                await body_of(pool, it)

    asyncio.run(run())


def test_nobody_listening_is_unreachable() -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, _):
            address = it.address
        with pytest.raises(ContainerUnreachable, match="cannot connect"):
            await Connections().request(address, "GET", "/ping", timeout=20)

    asyncio.run(run())


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x00\x05", b"HTTP/1.1 banana OK\r\n\r\n"]
)
def test_reply_that_is_not_http_is_unreachable(garbage: bytes) -> None:
    async def run() -> None:
        async with container(replies(garbage)) as (it, pool):
            with pytest.raises(ContainerUnreachable, match="not HTTP"):
                await body_of(pool, it)

    asyncio.run(run())


def test_chunked_reply_with_trailers_is_read_and_its_connection_kept() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: late\r\n\r\n"
    )

    async def run() -> None:
        async with container(replies(chunked)) as (it, pool):
            for _ in range(2):
                response = await pool.request(it.address, "GET", "/", timeout=20)
                assert await response.read() == b"abcde"
                assert response.headers == [(b"transfer-encoding", b"chunked")]
            assert it.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_reply_without_a_length_ends_with_the_connection(version: bytes) -> None:
    async def run() -> None:
        async with container(replies(version + b" 200 OK\r\n\r\nall of it", close=True)) as (it, pool):
            assert await body_of(pool, it) == b"all of it"
            assert await body_of(pool, it) == b"all of it"
            assert it.connections == 2

    asyncio.run(run())


def test_http_1_0_with_a_length_is_not_kept() -> None:
    async def run() -> None:
        async with container(replies(OK.replace(b"1.1", b"1.0"))) as (it, pool):
            assert [await body_of(pool, it), await body_of(pool, it)] == [b"hi", b"hi"]
            assert it.connections == 2

    asyncio.run(run())


def test_connection_close_header_is_heeded() -> None:
    async def run() -> None:
        closing = OK.replace(b"content-length", b"connection: close\r\ncontent-length")
        async with container(replies(closing)) as (it, pool):
            assert [await body_of(pool, it), await body_of(pool, it)] == [b"hi", b"hi"]
            assert it.connections == 2

    asyncio.run(run())


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nonly ",
    ],
)
def test_reply_cut_short_is_broken_not_complete(cut: bytes) -> None:
    async def run() -> None:
        async with container(replies(cut, close=True)) as (it, pool):
            response = await pool.request(it.address, "POST", "/", {}, b"", timeout=20)
            assert response.status == 200
            with pytest.raises(ReplyBroken):
                await response.read()

    asyncio.run(run())


def test_interim_replies_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"

    async def run() -> None:
        async with container(replies(interim + OK)) as (it, pool):
            response = await pool.request(it.address, "POST", "/", {}, b"x", timeout=20)
            assert (response.status, response.headers) == (200, [(b"content-length", b"2")])
            assert await response.read() == b"hi"

    asyncio.run(run())


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])
def test_empty_reply_leaves_the_connection_for_the_next_request(head: bytes) -> None:
    async def run() -> None:
        async with container(replies(head, OK)) as (it, pool):
            empty = await pool.request(it.address, "GET", "/ping", timeout=20)
            full = await pool.request(it.address, "GET", "/ping", timeout=20)
            assert (await empty.read(), await full.read()) == (b"", b"hi")
            assert it.connections == 1

    asyncio.run(run())


def test_head_reply_has_a_length_and_no_body() -> None:
    async def run() -> None:
        async with container(replies(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n")) as (it, pool):
            for _ in range(2):
                response = await pool.request(it.address, "HEAD", "/", timeout=20)
                assert await response.read() == b""
            assert it.connections == 1

    asyncio.run(run())


def test_headers_that_never_end_are_refused() -> None:
    endless = b"HTTP/1.1 200 OK\r\n" + b"x-filler: " + b"a" * (1 << 20)

    async def run() -> None:
        async with container(replies(endless)) as (it, pool):
            with pytest.raises(ContainerUnreachable, match=r"headers|not HTTP"):
                await body_of(pool, it)

    asyncio.run(run())


def test_large_headers_within_the_limit_arrive_whole() -> None:
    large = OK.replace(b"content-length", b"x-large: " + b"a" * 30_000 + b"\r\ncontent-length")

    async def run() -> None:
        async with container(replies(large)) as (it, pool):
            response = await pool.request(it.address, "GET", "/", timeout=20)
            assert response.headers[0] == (b"x-large", b"a" * 30_000)

    asyncio.run(run())


def test_silent_container_times_out() -> None:
    def peer_of(it: Container) -> Peer:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await it.request(reader):
                pass

        return peer

    async def run() -> None:
        async with container(peer_of) as (it, pool):
            with pytest.raises(TimeoutError):
                await pool.request(it.address, "POST", "/", {}, b"x", timeout=0.05)

    asyncio.run(run())


def test_reply_that_stalls_in_its_body_times_out_and_its_connection_is_not_used_again() -> None:
    async def run() -> None:
        async with container(replies(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", OK)) as (it, pool):
            response = await pool.request(it.address, "GET", "/", timeout=0.2)
            with pytest.raises(TimeoutError):
                await response.read()
            response.close()
            await pool.request(it.address, "GET", "/", timeout=20)
            assert it.connections == 2

    asyncio.run(run())


def test_body_is_handed_on_while_the_container_still_sends() -> None:
    def peer_of(it: Container) -> Peer:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await it.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            await go_on.wait()
            writer.write(b"4\r\nlast\r\n0\r\n\r\n")

        return peer

    async def run() -> None:
        async with container(peer_of) as (it, pool):
            response = await pool.request(it.address, "GET", "/", timeout=20)
            pieces = []
            async for piece in response:
                pieces.append(piece)
                go_on.set()
            assert pieces == [b"first", b"last"]

    go_on = asyncio.Event()
    asyncio.run(run())


def test_slow_reader_makes_the_container_wait() -> None:
    total = 32 << 20

    def peer_of(it: Container) -> Peer:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await it.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
            for _ in range(total >> 20):
                writer.write(b"x" * (1 << 20))
                await writer.drain()
                sent.append(1 << 20)

        return peer

    async def run() -> None:
        async with container(peer_of) as (it, pool):
            response = await pool.request(it.address, "GET", "/", timeout=20)
            sending = response._connection
            assert sending is not None
            while sending._transport.is_reading():  # noqa: ASYNC110 - lets the loop read; a pause has no event
                await asyncio.sleep(0)
            assert sending.waiting < total / 4
            assert sum(sent) < total
            assert len(await response.read()) == total

    sent: list[int] = []
    asyncio.run(run())


def test_closed_reply_gives_up_its_unread_body() -> None:
    async def run() -> None:
        async with container(replies(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")) as (it, pool):
            async with await pool.request(it.address, "GET", "/", timeout=20) as response:
                assert response.status == 200
            (await pool.request(it.address, "GET", "/", timeout=20)).close()
            assert it.connections == 2

    asyncio.run(run())


def test_large_reply_that_is_complete_and_left_unread_does_not_stop_the_next_one() -> None:
    large = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300_000

    async def run() -> None:
        async with container(replies(large, OK)) as (it, pool):
            async with await pool.request(it.address, "GET", "/", timeout=20) as response:
                coming = response._connection
                assert coming is not None
                while not coming.complete:  # noqa: ASYNC110 - lets the loop read; completeness has no event
                    await asyncio.sleep(0)
            assert len(await body_of(pool, it)) == 300_000
            assert it.connections == 2

    asyncio.run(run())


def test_second_reply_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    stray = b"HTTP/1.1 500 Stray\r\ncontent-length: 5\r\n\r\nstray"

    async def run() -> None:
        async with container(replies(OK + stray, OK)) as (it, pool):
            assert [await body_of(pool, it), await body_of(pool, it)] == [b"hi", b"hi"]

    asyncio.run(run())


@pytest.mark.parametrize("bad", ["1\r\nx-forged: 1", "1\nx"])
def test_header_with_a_line_break_is_refused(bad: str) -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, pool):
            with pytest.raises(ValueError, match="line break"):
                await pool.request(it.address, "GET", "/", {"x": bad}, timeout=20)
            assert it.connections == 0

    asyncio.run(run())


def test_forgotten_container_keeps_no_connection() -> None:
    async def run() -> None:
        async with container(replies(OK)) as (it, pool):
            await body_of(pool, it)
            pool.forget(it.address)
            await body_of(pool, it)
            assert it.connections == 2

    asyncio.run(run())
