"""Repeated k-fold cross validation (hyperparameters ``_kfold`` and ``_num_cv_round``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sagemaker_container.errors import UserError
from sagemaker_container.layout import Layout

from sagemaker_xgboost import model_file
from sagemaker_xgboost.boosting import boost
from sagemaker_xgboost.job import Plan
from sagemaker_xgboost.library import is_master

Indices = NDArray[np.intp]
Floats = NDArray[np.floating[Any]]
History = dict[str, dict[str, list[float]]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Study:
    """What all folds share."""

    plan: Plan
    matrix: Any
    layout: Layout
    predictions: Predictions


def run(plan: Plan, matrix: Any, layout: Layout) -> None:
    """Train ``folds * repeats`` models; write them as xgboost-model-0, -1, ... and the predictions for the rows
    each model had not seen as output/data/predictions.csv.

    In a cluster each host divides its own rows, and writes the predictions for them.
    """
    folds = plan.folds or 0
    log.info("Run %s-round of %s-fold cross validation with %s rows", plan.repeats, folds, matrix.num_row())
    labels = matrix.get_label()
    study = Study(plan, matrix, layout, Predictions(labels, plan.classification))
    histories: list[History] = []
    for number, (train, held_out) in enumerate(_folds(labels, plan)):
        log.info("Train cross validation fold %s", number % folds + 1)
        histories.append(_fold(study, number, train, held_out))
        if len(histories) % folds == 0:
            log.info("The metrics of round %s cross validation", len(histories) // folds)
            _print_means(plan.rounds, histories[-folds:])
    if plan.repeats > 1:
        log.info("The overall metrics of %s-round cross validation", plan.repeats)
        _print_means(plan.rounds, histories)
    layout.output_data.mkdir(parents=True, exist_ok=True)
    np.savetxt(layout.output_data / "predictions.csv", study.predictions.table(), delimiter=",", fmt="%f")


def _fold(study: Study, number: int, train: Indices, held_out: Indices) -> History:
    checkpoints = study.layout.checkpoints()
    folder = checkpoints / f"model-{number}" if checkpoints else None
    path = study.layout.model / f"{model_file.MODEL_NAME}-{number}"
    unseen = study.matrix.slice(held_out)
    booster, history = boost(study.plan, study.matrix.slice(train), unseen, folder, path)
    if is_master():
        model_file.save(booster, path)
    study.predictions.add(held_out, booster.predict(unseen))
    return history


def _folds(labels: Floats, plan: Plan) -> Iterator[tuple[Indices, Indices]]:
    """(rows to train on, rows held out) of each fold of each repeat; every class is spread evenly over the folds."""
    folds = plan.folds or 0
    if len(labels) < folds:
        raise UserError(f"Cannot have number of splits n_splits={folds} greater than the number of rows {len(labels)}")
    random = np.random.default_rng(abs(plan.seed))
    for _ in range(plan.repeats):
        fold_of_row = _deal(labels, folds, random, plan.classification)
        for fold in range(folds):
            yield np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)


def _deal(labels: Floats, folds: int, random: np.random.Generator, stratified: bool) -> Indices:
    """The fold of each row: rows in random order (class by class when stratified), dealt out like cards."""
    order = random.permutation(len(labels))
    if stratified:
        order = order[np.argsort(labels[order], kind="stable")]
    dealt = np.empty(len(labels), np.intp)
    dealt[order] = np.arange(len(labels)) % folds
    return dealt


@dataclass
class Predictions:
    """Collects, for each row, what the models that had not seen it predict."""

    labels: Floats
    classification: bool
    values: list[list[float]] = field(default_factory=list)
    classes: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = [[] for _ in self.labels]
        self.classes = [[] for _ in self.labels]

    def add(self, rows: Indices, predicted: Floats) -> None:
        classes = predicted.argmax(axis=1) if predicted.ndim > 1 else np.asarray(predicted > 0.5, float)
        values = predicted.max(axis=1) if predicted.ndim > 1 else predicted
        for row, value, winner in zip(rows, values, classes, strict=True):
            self.values[row].append(float(value))
            self.classes[row].append(float(winner))

    def table(self) -> Floats:
        """Columns: label, mean probability and majority class; for regression label and mean prediction."""
        columns = [self.labels.astype(float), np.array([np.mean(values) for values in self.values])]
        if self.classification:
            columns.append(np.array([majority(np.array(classes)) for classes in self.classes]))
        return np.column_stack(columns)


def majority(values: Floats) -> float:
    """The most frequent value; of several, the smallest."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _print_means(rounds: int, histories: list[History]) -> None:
    if not is_master():
        return
    line = f"[{rounds}]"
    for name in histories[0]["train"]:
        for data in ("train", "validation"):
            last = [history[data][name][-1] for history in histories]
            line += f"\t{data}-{name}:{np.mean(last):.5f}"
    print(line, flush=True)
