"""Readers of JSON and JSON Lines request bodies."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from sagemaker_xgboost import json_data

ROW_FORMS = [
    lambda row: row,
    lambda row: {"features": row},
    lambda row: {"data": {"features": {"values": row}}},
    lambda row: {"data": {"features": {"values": row, "shape": [len(row)]}}},
]


@pytest.mark.parametrize("form", ROW_FORMS)
def test_instances_may_have_each_form_of_the_common_format(form: Any) -> None:
    text = json.dumps({"instances": [form([1, 2.5]), form([None, -4e2])]})
    np.testing.assert_array_equal(json_data.parse_rows(text), [[1, 2.5], [np.nan, -400]])


@pytest.mark.parametrize("form", ROW_FORMS)
def test_json_lines_hold_one_row_each(form: Any) -> None:
    text = f"{json.dumps(form([1, 2.5]))}\r\n\n{json.dumps(form([None, 4]))}"
    np.testing.assert_array_equal(json_data.parse_lines(text), [[1, 2.5], [np.nan, 4]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[1, 2], [3, null]]", [[1, 2], [3, np.nan]]),
        ("[1, 2, 3]", [[1, 2, 3]]),
        ("[null, 2]", [[np.nan, 2]]),
        ('[{"features": [1]}, {"features": [2]}]', [[1], [2]]),
        ('{"features": [1, 2]}', [[1, 2]]),
        ('{"instances": [[NaN, 1]]}', [[np.nan, 1]]),
    ],
)
def test_rows_may_stand_without_instances(text: str, expected: list[list[float]]) -> None:
    table = json_data.parse_rows(text)
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, expected)


BAD_BODIES = {
    '{"instances": [[1, 2]': "Expecting ',' delimiter",
    "1,2": "Extra data",
    "[]": "there are no rows",
    '{"instances": []}': "there are no rows",
    "{}": 'the rows must be in "instances"',
    '{"instances": null}': "instances must be a list of rows, not null",
    '{"instances": {"features": [1]}}': "instances must be a list of rows, not an object",
    '{"instances": [1, 2]}': "row 1 must be a list of numbers, not a number",
    "true": "row 1 must be a list of numbers, not a boolean",
    "[[1, 2], 3]": "row 2 must be a list of numbers, not a number",
    "[[1], []]": "row 2 has no features",
    "[[1, 2], [3]]": "row 2 has 1 features, but row 1 has 2",
    '[["1", 2]]': "row 1 holds a string; features must be numbers",
    "[[1, true]]": "row 1 holds a boolean",
    "[[[1]]]": "row 1 holds a list",
    "[[{}]]": "row 1 holds an object",
    '{"instances": [{"label": 1}]}': "row 1 must look like {",
    '{"instances": [{"features": 1}]}': "row 1 must look like {",
    '{"data": {"features": {"keys": [7], "shape": [9], "values": [1]}}}': "row 1 is sparse (it has keys)",
}


@pytest.mark.parametrize(("text", "message"), BAD_BODIES.items())
def test_an_unreadable_body_is_refused_with_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        json_data.parse_rows(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"features": [1]}\n{"features": [2}', "row 2: Expecting"),
        ("[1, 2]\n[3]", "row 2 has 1 features, but row 1 has 2"),
        ("[[1], [2]]", "row 1 holds a list"),
        ('{"instances": [[1]]}', "row 1 must look like {"),
        ("", "there are no rows"),
    ],
)
def test_an_unreadable_line_is_refused_by_its_number(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        json_data.parse_lines(text)
