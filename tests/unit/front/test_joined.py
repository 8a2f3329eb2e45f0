"""What is written in one turn of the event loop leaves in one piece."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from emulator.front.joined import JoinedWrites


class Transport:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


@pytest.fixture
def transport() -> Transport:
    return Transport()


def joined(transport: Transport) -> Any:
    return JoinedWrites(transport, asyncio.get_running_loop())  # type: ignore[arg-type]


def run(body: Any) -> None:
    asyncio.run(body())


def test_head_and_body_leave_together(transport: Transport) -> None:
    async def body() -> None:
        writer = joined(transport)
        writer.write(b"head ")
        writer.write(b"body")
        assert transport.sent == []
        await asyncio.sleep(0)
        assert transport.sent == [b"head body"]

    run(body)


def test_pieces_of_different_turns_leave_one_by_one(transport: Transport) -> None:
    async def body() -> None:
        writer = joined(transport)
        for piece in (b"one", b"two"):
            writer.write(piece)
            await asyncio.sleep(0)
        assert transport.sent == [b"one", b"two"]

    run(body)


def test_a_large_piece_leaves_at_once_behind_what_was_held(transport: Transport) -> None:
    large = b"x" * (64 << 10)

    async def body() -> None:
        writer = joined(transport)
        writer.write(b"head ")
        writer.write(large)
        assert transport.sent == [b"head " + large]
        await asyncio.sleep(0)
        assert len(transport.sent) == 1

    run(body)


def test_closing_sends_what_is_held_first(transport: Transport) -> None:
    async def body() -> None:
        writer = joined(transport)
        writer.write(b"last words")
        writer.close()
        assert transport.sent == [b"last words"]
        assert transport.closed

    run(body)


def test_nothing_is_written_to_a_transport_that_closed_meanwhile(transport: Transport) -> None:
    async def body() -> None:
        writer = joined(transport)
        writer.write(b"too late")
        transport.close()
        await asyncio.sleep(0)
        assert transport.sent == []

    run(body)


def test_everything_else_is_the_transports_own(transport: Transport) -> None:
    async def body() -> None:
        assert joined(transport).get_extra_info("peername") == "the peername"

    run(body)
