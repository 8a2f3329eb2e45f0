from __future__ import annotations

import pytest

from emulator.aws import documents
from emulator.errors import SerializationException


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"NaN", b'{"a": Infinity}', b"\xff", b'"\\ud800"', b"[" * 100_000, b"1" * 10_000, b"{}{}"],
    ids=["cut", "empty", "NaN", "Infinity", "no UTF-8", "half a character", "deep", "huge number", "two values"],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(SerializationException):
        documents.read(body)


def test_a_whole_character_may_be_escaped() -> None:
    assert documents.read(b'"\\ud83d\\ude39"') == "\U0001f639"


def test_no_body_means_no_members() -> None:
    assert documents.read_object(b"") == documents.read_object(b" \n") == {}


def test_json_is_compact_and_never_holds_nan() -> None:
    assert documents.write({"a": [1, "é"]}) == b'{"a":[1,"\\u00e9"]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        documents.write(float("nan"))
