"""Which bytes of an object a request asks for: by a ``Range`` header or by the number of a part."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.objects.wire_error import InvalidArgument, InvalidPartNumber, InvalidRange

MOST_PARTS = 10_000

_RANGE = re.compile(r"\s*bytes=\s*([0-9]{0,40})\s*-\s*([0-9]{0,40})\s*")
_NUMBER = re.compile(r"[0-9]{1,5}")


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a ``Range`` header means, from a first one up to but not including a last one.

    None means the whole object: S3 ignores a header that it cannot read, one of several ranges, and one that ends
    before it starts. Raises `InvalidRange` where the object of ``size`` bytes has no such byte.
    """
    found = _RANGE.fullmatch(header)
    if found is None or found[1] == found[2] == "":
        return None
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else size - min(int(last), size)
    if start >= size:
        raise InvalidRange(elements={"RangeRequested": header, "ActualObjectSize": str(size)})
    return start, min(int(last) + 1, size) if first and last else size


def part_number(text: str) -> int:
    """The number of a part in a query. Raises `InvalidArgument` for anything but 1 to 10 000."""
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MOST_PARTS:
        message = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise InvalidArgument(message, "partNumber", text)
    return int(text)


def part_range(sizes: Sequence[int], number: int) -> tuple[int, int]:
    """Where the part with this number, counted from 1, lies in an object whose parts have these sizes in bytes.

    An object that was not uploaded in parts is one part. Raises `InvalidPartNumber` where there are fewer.
    """
    if number > len(sizes):
        raise InvalidPartNumber(elements={"PartNumberRequested": str(number), "ActualPartCount": str(len(sizes))})
    start = sum(sizes[: number - 1])
    return start, start + sizes[number - 1]
