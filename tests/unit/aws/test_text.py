from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws import text
from emulator.errors import SerializationException

STRING = {"type": "string"}


@given(items=st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)))
def test_a_list_header_survives(items: list[str]) -> None:
    assert text.split_list(text.join_list(items, STRING), STRING) == items


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "1_000"),
        ("integer", " 1"),
        ("integer", "١"),
        ("integer", "2147483648"),
        ("long", "1.0"),
        ("double", "nan"),
        ("double", "1_0.5"),
        ("boolean", "True"),
        ("timestamp", "yesterday"),
        ("blob", "not base64!"),
    ],
)
def test_text_of_the_wrong_type_is_refused(kind: str, value: str) -> None:
    with pytest.raises(SerializationException):
        text.reader({"type": kind}, "querystring")(value)


def test_a_json_header_that_is_not_base64_or_not_json_is_refused() -> None:
    read = text.reader(STRING, "header", json_value=True)
    assert read("eyJhIjoxfQ==") == {"a": 1}
    for bad in ("%", "e30"):
        with pytest.raises(SerializationException):
            read(bad)
    with pytest.raises(SerializationException):
        read("bm90IGpzb24=")
