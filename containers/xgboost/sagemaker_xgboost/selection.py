"""Selectable inference: SAGEMAKER_INFERENCE_OUTPUT names what each prediction should contain."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sagemaker_xgboost.predictor import Predictions

LABEL_KEYS = ["predicted_label", "labels", "raw_score", "raw_scores"]
PROBABILITY_KEYS = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores"]
VALID_KEYS: Mapping[str, Sequence[str]] = {
    "reg:squarederror": ["predicted_score"],
    "reg:logistic": ["predicted_score"],
    "reg:gamma": ["predicted_score"],
    "reg:absoluteerror": ["predicted_score"],
    "reg:tweedie": ["predicted_score"],
    "binary:logistic": PROBABILITY_KEYS,
    "binary:logitraw": LABEL_KEYS,
    "binary:hinge": LABEL_KEYS,
    "multi:softmax": LABEL_KEYS,
    "multi:softprob": PROBABILITY_KEYS,
}

log = logging.getLogger(__name__)


def keys(text: str) -> list[str]:
    """``"predicted_label, probability"`` -> ["predicted_label", "probability"]."""
    return text.replace(" ", "").lower().split(",")


def select(predictions: Predictions, wanted: Sequence[str], objective: str, classes: int) -> list[dict[str, Any]]:
    """One dictionary for each prediction; a key that makes no sense for the objective is NaN.

    Raises ValueError for an objective that has no selectable output.
    """
    if objective not in VALID_KEYS:
        raise ValueError(f"Objective `{objective}` unsupported for selectable inference predictions.")
    valid = VALID_KEYS[objective]
    invalid = [key for key in wanted if key not in valid]
    if invalid:
        log.warning(
            "Selected key(s) %s incompatible for objective '%s'. "
            "Please use list of compatible selectable inference predictions: %s",
            invalid,
            objective,
            valid,
        )
    labels = list(range(classes)) if objective.startswith("multi:") else [0, 1]
    return [
        {key: math.nan if key in invalid else _value(key, row, objective, labels) for key in wanted}
        for row in predictions
    ]


def _value(key: str, row: Any, objective: str, labels: list[int]) -> Any:
    match key:
        case "labels":
            return labels
        case "predicted_label":
            return _label(row, objective)
        case "probability" | "raw_score":
            return float(row.max())
        case "probabilities" | "raw_scores":
            return row.tolist() if row.ndim else [1.0 - float(row), float(row)]
    return float(row)


def _label(row: Any, objective: str) -> float | int:
    if row.ndim:
        return int(np.argmax(row))
    if objective == "binary:logistic":
        return int(row > 0.5)
    if objective == "binary:logitraw":
        return int(row > 0)
    return float(row)
