"""Response bodies."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sagemaker_xgboost import encode, selection
from sagemaker_xgboost.predictor import Predictions

SCORES = np.array([0.25, 0.75])
TABLE = np.array([[0.125, 0.5, 0.375]])


def test_csv_has_one_line_for_each_row() -> None:
    assert encode.predictions(SCORES, "text/csv", batch=False) == "0.25\n0.75\n"
    assert encode.predictions(TABLE, "text/csv", batch=False) == "0.125,0.5,0.375\n"


def test_csv_of_several_values_is_a_list_in_batch_transform() -> None:
    assert encode.predictions(TABLE, "text/csv", batch=True) == "[0.125, 0.5, 0.375]\n"


def test_json_has_a_score_for_each_row() -> None:
    body = encode.predictions(SCORES, "application/json", batch=False)
    assert json.loads(body) == {"predictions": [{"score": 0.25}, {"score": 0.75}]}


@pytest.mark.parametrize("values", [SCORES, TABLE])
def test_json_lines_are_the_predictions_of_json(values: Predictions) -> None:
    lines = encode.predictions(values, "application/jsonlines", batch=False)
    assert lines.endswith("}\n")
    inside = json.loads(encode.predictions(values, "application/json", batch=False))["predictions"]
    assert [json.loads(line) for line in lines.splitlines()] == inside == [{"score": row} for row in values.tolist()]


def test_recordio_protobuf_answers_are_not_built() -> None:
    refusal = r"^Accept type application/x-recordio-protobuf is not built in this emulator's XGBoost image\.$"
    with pytest.raises(ValueError, match=refusal):
        encode.predictions(SCORES, "application/x-recordio-protobuf", batch=False)
    with pytest.raises(ValueError, match=refusal):
        encode.selected([{"predicted_label": 1}], "application/x-recordio-protobuf", batch=False)


@pytest.mark.parametrize(
    ("header", "default", "expected"),
    [
        (None, None, "text/csv"),
        ("*/*", None, "text/csv"),
        ("*/*", "application/json", "application/json"),
        ("Application/JSON; verbose=true", None, "application/json"),
    ],
)
def test_the_accept_header_chooses_the_media_type(header: str | None, default: str | None, expected: str) -> None:
    assert encode.accepted(header, default) == expected


def test_an_unknown_accept_header_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"Accept type text/html is not supported\. Please use supported accept types"):
        encode.accepted("text/html", None)


def test_binary_predictions_can_be_selected() -> None:
    wanted = selection.keys("predicted_label, labels,PROBABILITY,probabilities,raw_score,raw_scores")
    [low, high] = selection.select(SCORES, wanted, "binary:logistic", 0)
    assert low["predicted_label"] == 0
    assert high == {
        "predicted_label": 1,
        "labels": [0, 1],
        "probability": 0.75,
        "probabilities": [0.25, 0.75],
        "raw_score": 0.75,
        "raw_scores": [0.25, 0.75],
    }


def test_predictions_of_several_classes_can_be_selected() -> None:
    [chosen] = selection.select(TABLE, ["predicted_label", "labels", "probability", "raw_scores"], "multi:softprob", 3)
    assert chosen == {
        "predicted_label": 1,
        "labels": [0, 1, 2],
        "probability": 0.5,
        "raw_scores": [0.125, 0.5, 0.375],
    }


def test_the_label_of_a_raw_margin_is_its_sign() -> None:
    chosen = selection.select(np.array([-0.5, 0.1]), ["predicted_label"], "binary:logitraw", 0)
    assert [item["predicted_label"] for item in chosen] == [0, 1]


def test_a_key_that_makes_no_sense_is_nan() -> None:
    [chosen] = selection.select(np.array([2.5]), ["predicted_score", "probability"], "reg:squarederror", 0)
    assert chosen["predicted_score"] == 2.5
    assert math.isnan(chosen["probability"])


def test_an_objective_without_selectable_output_is_refused() -> None:
    with pytest.raises(ValueError, match="Objective `count:poisson` unsupported"):
        selection.select(SCORES, ["predicted_score"], "count:poisson", 0)


def test_selected_output_is_json_jsonlines_or_csv() -> None:
    items = [{"predicted_label": 1, "probabilities": [0.25, 0.75]}, {"predicted_label": 0, "probabilities": [0.5, 0.5]}]
    assert json.loads(encode.selected(items, "application/json", batch=False)) == {"predictions": items}
    lines = encode.selected(items, "application/jsonlines", batch=False).splitlines()
    assert [json.loads(line) for line in lines] == items
    assert encode.selected(items, "text/csv", batch=False) == '1,"[0.25, 0.75]"\n0,"[0.5, 0.5]"'
    assert encode.selected(items, "text/csv", batch=True).endswith("\n")
