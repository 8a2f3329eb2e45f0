"""Evaluation metrics that xgboost itself does not have, as AWS's image defines them.

They equal scikit-learn's functions of the same names (with 0 where a ratio has no denominator) without importing
it. Instance weights do not count, as in AWS's image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sagemaker_container.errors import UserError

Floats = NDArray[np.floating[Any]]
Evaluation = Callable[[Floats, Any], list[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Per class: true positives, rows predicted as it, rows labelled as it."""

    classes: Floats
    hits: Floats
    predicted: Floats
    labelled: Floats

    def precision(self) -> Floats:
        return _ratio(self.hits, self.predicted)

    def recall(self) -> Floats:
        return _ratio(self.hits, self.labelled)

    def f1(self) -> Floats:
        return _ratio(2 * self.hits, self.predicted + self.labelled)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def count(labels: Floats, predicted: Floats) -> Counts:
    """Counts over every class that occurs in either."""
    classes = np.union1d(labels, predicted)
    is_label, is_predicted = labels == classes[:, None], predicted == classes[:, None]
    hits = (is_label & is_predicted).sum(axis=1, dtype=float)
    return Counts(classes, hits, is_predicted.sum(axis=1, dtype=float), is_label.sum(axis=1, dtype=float))


def _positive_class(counts: Counts, values: Floats) -> float:
    """The value for class 1 of a binary problem."""
    if len(counts.classes) > 2 or not set(counts.classes.tolist()) <= {0.0, 1.0}:
        raise UserError("Target is multiclass but average='binary'")
    return float(values[counts.classes == 1].sum())


def _micro(counts: Counts) -> float:
    """Over all rows together, precision, recall and accuracy are the same number."""
    return float(counts.hits.sum() / counts.labelled.sum())


def _balanced_accuracy(counts: Counts) -> float:
    return float(counts.recall()[counts.labelled > 0].mean())


CLASSIFICATION: dict[str, Callable[[Counts], float]] = {
    "accuracy": _micro,
    "balanced_accuracy": _balanced_accuracy,
    "f1": lambda counts: float(counts.f1().mean()),
    "f1_binary": lambda counts: _positive_class(counts, counts.f1()),
    "f1_macro": lambda counts: float(counts.f1().mean()),
    "precision": lambda counts: _positive_class(counts, counts.precision()),
    "precision_macro": lambda counts: float(counts.precision().mean()),
    "precision_micro": _micro,
    "recall": lambda counts: _positive_class(counts, counts.recall()),
    "recall_macro": lambda counts: float(counts.recall().mean()),
    "recall_micro": _micro,
}


def mse(labels: Floats, values: Floats) -> float:
    return float(np.mean((labels.astype(float) - values) ** 2))


def r2(labels: Floats, values: Floats) -> float:
    residual = float(np.sum((labels.astype(float) - values) ** 2))
    spread = float(np.sum((labels.astype(float) - labels.mean(dtype=float)) ** 2))
    if spread == 0:
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / spread


REGRESSION: dict[str, Callable[[Floats, Floats], float]] = {"mse": mse, "r2": r2}


def predicted_classes(values: Floats, objective: str) -> Floats:
    """The class each row's prediction stands for."""
    if values.ndim > 1:
        return np.asarray(values.argmax(axis=1), float)
    if objective == "binary:logitraw":
        return (values > 0).astype(float)
    return np.rint(values).astype(float)


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those xgboost computes, and those computed here."""
    own = {*CLASSIFICATION, *REGRESSION}
    return [name for name in names if name not in own], [name for name in names if name in own]


def evaluation(names: Sequence[str], objective: str) -> Evaluation | None:
    """A function for xgboost's ``custom_metric``; None when there is nothing to compute here."""
    if not names:
        return None

    def evaluate(values: Floats, matrix: Any) -> list[tuple[str, float]]:
        labels: Floats = matrix.get_label()
        counts = count(labels, predicted_classes(values, objective))
        return [(name, _value(name, counts, labels, values)) for name in names]

    return evaluate


def _value(name: str, counts: Counts, labels: Floats, values: Floats) -> float:
    if name in CLASSIFICATION:
        return CLASSIFICATION[name](counts)
    return REGRESSION[name](labels, values)
