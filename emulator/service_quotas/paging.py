"""Pages of a list that fits in memory and only grows at its end."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.errors import AwsError

# The API documents no default; a hundred is the largest page it allows.
_PAGE = 100


def page(member: str, items: Sequence[Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The page that ``asked`` wants, as result member ``member``. Raises InvalidPaginationTokenException."""
    start = _decode(asked["NextToken"]) if "NextToken" in asked else 0
    end = start + asked.get("MaxResults", _PAGE)
    answer: dict[str, Any] = {member: list(items[start:end])}
    if end < len(items):
        answer["NextToken"] = base64.b64encode(b"%d" % end).decode()
    return answer


def _decode(token: str) -> int:
    try:
        text = base64.b64decode(token, validate=True)
    except ValueError:
        text = b""
    if not text.isdigit():
        raise AwsError("Invalid NextToken", code="InvalidPaginationTokenException", status=400)
    return int(text)
