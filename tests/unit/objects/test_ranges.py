"""Ranges: which bytes S3 answers with, and when it answers 416."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.ranges import byte_range, part_number, part_range
from emulator.objects.wire_error import InvalidArgument, InvalidPartNumber, InvalidRange


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("bytes=9-9", (9, 10)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=8-99", (8, 10)),
        ("bytes=0-" + "9" * 40, (0, 10)),
        (" bytes= 2 - 4 ", (2, 5)),
    ],
)
def test_a_range_is_what_it_names_as_far_as_the_object_goes(header: str, meant: tuple[int, int]) -> None:
    assert byte_range(header, 10) == meant


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=4-2", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "0-1", "bytes=+1-2"]
)
def test_what_is_no_single_range_means_the_whole_object(header: str) -> None:
    assert byte_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_a_range_without_a_byte_is_not_satisfiable(header: str, size: int) -> None:
    with pytest.raises(InvalidRange) as refused:
        byte_range(header, size)
    assert (refused.value.code, refused.value.status) == ("InvalidRange", 416)
    assert refused.value.elements == {"RangeRequested": header, "ActualObjectSize": str(size)}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_the_parts_lie_one_after_the_other(sizes: list[int]) -> None:
    content = bytes(range(sum(sizes)))
    parts = [content[slice(*part_range(sizes, number))] for number in range(1, len(sizes) + 1)]
    assert [len(part) for part in parts] == sizes
    assert b"".join(parts) == content


def test_a_part_that_is_not_there_is_not_satisfiable() -> None:
    with pytest.raises(InvalidPartNumber) as refused:
        part_range([5, 3], 3)
    assert (refused.value.code, refused.value.status) == ("InvalidPartNumber", 416)
    assert refused.value.elements == {"PartNumberRequested": "3", "ActualPartCount": "2"}


@pytest.mark.parametrize("text", ["0", "10001", "-1", "one", "", "1.0", "+1", "٣", "9" * 5000])
def test_a_number_that_no_part_can_have_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        part_number(text)
    assert refused.value.message == "Part number must be an integer between 1 and 10000, inclusive"
    assert refused.value.elements == {"ArgumentName": "partNumber", "ArgumentValue": text}


def test_the_numbers_of_parts_go_from_1_to_10000() -> None:
    assert (part_number("1"), part_number("10000")) == (1, 10_000)
