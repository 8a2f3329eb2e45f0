"""aws-chunked bodies: as SDKs send them, cut anyhow by the network, and broken."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.chunked import LONGEST_LINE, MOST_TRAILERS, RAW_SIZE, AwsChunked
from emulator.objects.wire_error import IncompleteBody, MalformedTrailer, WireError

SIGNED = ";chunk-signature=" + "0" * 64
CRC = "x-amz-checksum-crc32"


def trickle(content: bytes, most: int) -> Callable[[int], bytes]:
    """A source that gives no more than ``most`` bytes at a time."""
    stream = io.BytesIO(content)
    return lambda size: stream.read(min(size, most))


def decoded(body: AwsChunked, size: int = 1 << 20) -> bytes:
    return b"".join(iter(lambda: body.read(size), b""))


def framed(*contents: bytes, extension: str = "", ending: bytes = b"\r\n") -> bytes:
    chunks = [b"%x%s\r\n%s\r\n" % (len(content), extension.encode(), content) for content in contents]
    return b"".join(chunks) + b"0" + extension.encode() + b"\r\n" + ending


def refusal(raw: bytes, announced: tuple[str, ...] = ()) -> WireError:
    with pytest.raises(WireError) as refused:
        decoded(AwsChunked(io.BytesIO(raw).read, announced))
    return refused.value


def test_what_boto3_sends_is_what_it_was_given() -> None:
    content = bytes(range(256)) * 10_000
    wrapped = AwsChunkedWrapper(io.BytesIO(content), checksum_cls=Crc32Checksum, checksum_name=CRC)
    theirs = Crc32Checksum()
    theirs.update(content)
    body = AwsChunked(wrapped.read, [CRC])
    assert decoded(body) == content
    assert body.trailers == {CRC: theirs.b64digest()}


def test_signatures_of_chunks_are_skipped() -> None:
    body = AwsChunked(io.BytesIO(framed(b"a" * 66_000, b"b", extension=SIGNED)).read)
    assert decoded(body) == b"a" * 66_000 + b"b"
    assert body.trailers == {}


@pytest.mark.parametrize(
    "ending",
    [
        b"X-Amz-Checksum-CRC32: abc=\r\nx-amz-trailer-signature:123\r\n\r\n",
        b"x-amz-checksum-crc32:abc=\n\r\nx-amz-trailer-signature:123\r\n\r\n",
        b"x-amz-checksum-crc32:abc=\n\nx-amz-trailer-signature:123\n",
    ],
)
def test_trailers_are_found_however_their_lines_end(ending: bytes) -> None:
    body = AwsChunked(io.BytesIO(framed(b"data", extension=SIGNED, ending=ending)).read, ["X-Amz-Checksum-Crc32"])
    assert decoded(body) == b"data"
    assert body.trailers == {CRC: "abc=", "x-amz-trailer-signature": "123"}


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=5),
    st.sampled_from(["", SIGNED, " "]),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_how_the_body_arrives_and_is_read_makes_no_difference(
    contents: list[bytes], extension: str, arriving: int, reading: int
) -> None:
    raw = framed(*contents, extension=extension, ending=b"x-amz-checksum-crc32:abc=\r\n\r\n")
    body = AwsChunked(trickle(raw, arriving))
    assert decoded(body, reading) == b"".join(contents)
    assert body.trailers == {CRC: "abc="}


@given(st.integers(1, 7))
def test_a_read_gives_no_more_than_was_asked_for(size: int) -> None:
    body = AwsChunked(io.BytesIO(framed(b"0123456789", b"abc")).read)
    assert all(len(piece) <= size for piece in iter(lambda: body.read(size), b""))


def test_an_empty_body_is_empty_and_stays_so() -> None:
    body = AwsChunked(io.BytesIO(framed()).read)
    assert (body.read(10), body.read(10)) == (b"", b"")


def test_a_body_without_the_last_line_break_is_whole() -> None:
    assert decoded(AwsChunked(io.BytesIO(framed(b"data", ending=b"")).read)) == b"data"


def test_one_huge_chunk_is_asked_for_piece_by_piece_and_not_copied() -> None:
    piece = bytes(RAW_SIZE)
    asked: list[int] = []

    def source(size: int) -> bytes:
        asked.append(size)
        return b"40000000\r\n" if len(asked) == 1 else piece[:size]

    body = AwsChunked(source)
    assert body.read(RAW_SIZE) is piece
    assert body.read(1000) == bytes(1000)
    assert asked == [RAW_SIZE, RAW_SIZE, 1000]


@given(st.integers(0, 10_000))
def test_a_body_that_ends_early_is_refused(kept: int) -> None:
    raw = framed(b"some data", b"more of it", extension=SIGNED, ending=b"")
    whole = len(raw)
    error = refusal(raw[: kept % whole])
    assert (type(error), error.code, error.status) == (IncompleteBody, "IncompleteBody", 400)
    assert error.message == "The request body terminated unexpectedly"


@pytest.mark.parametrize(
    "raw",
    [
        b"no size\r\n",
        b"\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n",
        b"11111111111111111\r\n",
        b"3\r\nhello\r\n0\r\n\r\n",
        b"1" * (2 * RAW_SIZE + LONGEST_LINE),
    ],
)
def test_broken_framing_is_refused(raw: bytes) -> None:
    assert type(refusal(raw)) is IncompleteBody


@pytest.mark.parametrize(
    "ending",
    [
        b"no colon\r\n\r\n",
        b": no name\r\n\r\n",
        b"5\r\nhello\r\n",
        b"".join(b"x-%d: 1\r\n" % number for number in range(MOST_TRAILERS + 1)),
    ],
)
def test_unreadable_trailers_are_refused(ending: bytes) -> None:
    error = refusal(framed(b"data", ending=ending))
    assert (type(error), error.code, error.status) == (MalformedTrailer, "MalformedTrailerError", 400)


def test_a_trailer_that_ends_early_is_refused() -> None:
    assert type(refusal(framed(b"data", ending=b"x-amz-checksum-crc32:ab"))) is IncompleteBody


def test_an_announced_trailer_that_does_not_come_is_refused() -> None:
    assert type(refusal(framed(b"data"), (CRC,))) is MalformedTrailer
    assert type(refusal(framed(b"data", ending=b"x-amz-checksum-sha1:a\r\n\r\n"), (CRC,))) is MalformedTrailer
