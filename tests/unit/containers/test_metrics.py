"""The metrics computed here agree with scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sagemaker_container.errors import UserError
from sagemaker_xgboost import metrics
from sklearn import metrics as reference


class Labels:
    def __init__(self, labels: Any) -> None:
        self._labels = np.asarray(labels, np.float32)

    def get_label(self) -> Any:
        return self._labels


def value(name: str, labels: Any, predictions: Any, objective: str = "binary:logistic") -> float:
    evaluate = metrics.evaluation([name], objective)
    assert evaluate is not None
    [(found, result)] = evaluate(np.asarray(predictions), Labels(labels))
    assert found == name
    return result


CASES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "f1": lambda y, p: reference.f1_score(y, p, average="macro"),
    "f1_macro": lambda y, p: reference.f1_score(y, p, average="macro"),
    "precision_macro": lambda y, p: reference.precision_score(y, p, average="macro", zero_division=0),
    "precision_micro": lambda y, p: reference.precision_score(y, p, average="micro"),
    "recall_macro": lambda y, p: reference.recall_score(y, p, average="macro", zero_division=0),
    "recall_micro": lambda y, p: reference.recall_score(y, p, average="micro"),
}
BINARY: dict[str, Callable[[Any, Any], float]] = {
    "f1_binary": reference.f1_score,
    "precision": reference.precision_score,
    "recall": reference.recall_score,
}


@pytest.mark.parametrize("name", CASES)
def test_metrics_for_several_classes_equal_scikit_learn(name: str) -> None:
    random = np.random.default_rng(1)
    labels, probabilities = random.integers(0, 4, 200), random.random((200, 4))
    expected = CASES[name](labels, probabilities.argmax(axis=1))
    assert value(name, labels, probabilities, "multi:softprob") == pytest.approx(expected)


@pytest.mark.parametrize("name", BINARY)
def test_metrics_for_two_classes_equal_scikit_learn(name: str) -> None:
    random = np.random.default_rng(2)
    labels, scores = random.integers(0, 2, 100), random.random(100)
    assert value(name, labels, scores) == pytest.approx(BINARY[name](labels, scores > 0.5))


def test_a_class_nobody_predicts_counts_as_zero() -> None:
    assert value("precision_macro", [0, 1, 2], [0, 1, 1], "multi:softmax") == pytest.approx(0.5)


def test_regression_metrics_equal_scikit_learn() -> None:
    random = np.random.default_rng(3)
    labels = random.random(50)
    guesses = labels + 0.1 * random.random(50)
    assert value("mse", labels, guesses) == pytest.approx(reference.mean_squared_error(labels, guesses), rel=1e-4)
    assert value("r2", labels, guesses) == pytest.approx(reference.r2_score(labels, guesses), rel=1e-4)


def test_raw_margins_are_classes_by_their_sign() -> None:
    assert value("accuracy", [1, 0, 1], [0.2, -3.0, -0.1], "binary:logitraw") == pytest.approx(2 / 3)


def test_a_binary_metric_refuses_several_classes() -> None:
    with pytest.raises(UserError, match="Target is multiclass but average='binary'"):
        value("precision", [0, 1, 2], [0, 1, 2], "multi:softmax")


def test_metrics_are_split_into_xgboosts_and_ours() -> None:
    assert metrics.split(["auc", "f1", "error@0.3", "mse"]) == (["auc", "error@0.3"], ["f1", "mse"])
