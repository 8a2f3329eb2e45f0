"""The decoder against frames as the engine sends them, cut anywhere."""

from __future__ import annotations

import struct

import pytest

from emulator.engines.docker.logs import Decoder, lines
from emulator.engines.port import LONGEST_LINE, LogLine

STAMP = "2024-05-06T07:08:09.123456789Z"
AT = 1714979289.123456789


def frame(text: bytes, stream: int = 1, stamp: str = STAMP) -> bytes:
    payload = stamp.encode() + b" " + text
    return struct.pack(">BxxxL", stream, len(payload)) + payload


def test_a_frame_is_a_line_with_its_time() -> None:
    assert list(lines([frame(b"hello\n")])) == [LogLine(AT, "hello")]


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 50])
def test_bytes_may_be_cut_anywhere(size: int) -> None:
    data = b"".join(frame(f"line {number}\n".encode(), 1 + number % 2) for number in range(20))
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert [line.text for line in lines(chunks)] == [f"line {number}" for number in range(20)]


def test_a_line_in_several_frames_is_one_line_with_the_time_of_its_beginning() -> None:
    later = "2024-05-06T07:08:10Z"
    data = frame(b"a" * 5) + frame(b"other\n", 2) + frame(b"b" * 5, stamp=later) + frame(b"c\n", stamp=later)
    assert list(lines([data])) == [LogLine(AT, "other"), LogLine(AT, "aaaaabbbbbc")]


def test_a_frame_with_several_lines_is_several_lines() -> None:
    assert [line.text for line in lines([frame(b"one\n\ntwo\n")])] == ["one", "", "two"]


def test_what_has_no_line_end_comes_at_the_end() -> None:
    data = frame(b"err", 2, "2024-05-06T07:08:08Z") + frame(b"out")
    assert [line.text for line in lines([data])] == ["err", "out"]


def test_special_characters_and_invalid_bytes_are_passed_on() -> None:
    assert [line.text for line in lines([frame(b"\t10%\r20%\r \xff\n")])] == ["\t10%\r20%\r �"]


def test_a_line_without_end_is_cut_before_it_fills_the_memory() -> None:
    decoder = Decoder()
    part = frame(b"x" * 16384)
    found = [line for _ in range(LONGEST_LINE // 16384 + 1) for line in decoder.feed(part)]
    assert [len(line.text) for line in found] == [LONGEST_LINE]
    assert [len(line.text) for line in decoder.finish()] == [16384]


def test_whole_seconds_are_times_too() -> None:
    assert list(lines([frame(b"x\n", stamp="1970-01-01T00:00:05Z")])) == [LogLine(5.0, "x")]
