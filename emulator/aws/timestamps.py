"""Timestamps in the three notations of AWS protocols.

Inside the emulator a timestamp of a request is a float of epoch seconds, because requests are stored as JSON.
A handler may answer with epoch seconds or with an aware ``datetime``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999; beyond them a timestamp cannot be written as a date."""


def epoch(moment: float | datetime) -> float:
    """Epoch seconds of ``moment``, to the millisecond; a naive datetime is a ValueError."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("a timestamp needs a time zone")
        moment = moment.timestamp()
    return round(moment, 3)


def read_unix(text: str | float) -> float:
    """Epoch seconds from a number or its decimal text; ValueError outside the years 1 to 9999."""
    seconds = float(text)
    if math.isnan(seconds) or not _EARLIEST <= seconds <= _LATEST:
        raise ValueError(f"{text} is no timestamp")
    return seconds


def read_iso8601(text: str) -> float:
    """Epoch seconds from ``2024-01-31T12:00:00Z`` and its variants; no offset means UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_http_date(text: str) -> float:
    """Epoch seconds from ``Wed, 31 Jan 2024 12:00:00 GMT``."""
    return parsedate_to_datetime(text).timestamp()


def write_unix(moment: float | datetime) -> str:
    """Decimal epoch seconds, without a fraction when there is none."""
    seconds = epoch(moment)
    return str(int(seconds)) if seconds == int(seconds) else repr(seconds)


def write_iso8601(moment: float | datetime) -> str:
    """``2024-01-31T12:00:00Z``, with milliseconds only when there are any."""
    at = datetime.fromtimestamp(epoch(moment), UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def write_http_date(moment: float | datetime) -> str:
    """``Wed, 31 Jan 2024 12:00:00 GMT``; the notation has no fractions, so they are cut off."""
    return format_datetime(datetime.fromtimestamp(math.floor(epoch(moment)), UTC), usegmt=True)


READ: dict[str, Callable[[str], float]] = {
    "unixTimestamp": read_unix,
    "iso8601": read_iso8601,
    "rfc822": read_http_date,
}
"""Text to epoch seconds, by the model's ``timestampFormat``. Each raises ValueError."""

WRITE: dict[str, Callable[[float | datetime], str]] = {
    "unixTimestamp": write_unix,
    "iso8601": write_iso8601,
    "rfc822": write_http_date,
}
"""A moment to text, by the model's ``timestampFormat``."""
