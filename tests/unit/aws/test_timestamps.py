from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws import timestamps

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize("notation", ["unixTimestamp", "iso8601"])
@given(moment=MOMENTS)
def test_a_moment_survives_to_the_millisecond(notation: str, moment: datetime) -> None:
    written = timestamps.WRITE[notation](moment)
    assert timestamps.READ[notation](written) == timestamps.epoch(moment)


@given(moment=MOMENTS)
def test_an_http_date_keeps_the_second(moment: datetime) -> None:
    written = timestamps.write_http_date(moment)
    assert timestamps.read_http_date(written) == math.floor(timestamps.epoch(moment))


def test_the_three_notations() -> None:
    assert timestamps.write_unix(1398796238) == "1398796238"
    assert timestamps.write_unix(1398796238.25) == "1398796238.25"
    assert timestamps.write_iso8601(1398796238) == "2014-04-29T18:30:38Z"
    assert timestamps.write_iso8601(1398796238.25) == "2014-04-29T18:30:38.250Z"
    assert timestamps.write_http_date(1398796238.25) == "Tue, 29 Apr 2014 18:30:38 GMT"


def test_an_offset_is_honoured_and_none_means_utc() -> None:
    assert timestamps.read_iso8601("2014-04-29T20:30:38+02:00") == 1398796238
    assert timestamps.read_iso8601("2014-04-29T18:30:38") == 1398796238
    assert timestamps.epoch(datetime(2014, 4, 29, 20, 30, 38, tzinfo=timezone(timedelta(hours=2)))) == 1398796238


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        timestamps.epoch(datetime(2024, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("text", ["nan", "inf", "1e300", "soon"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own words
        timestamps.read_unix(text)
