"""The models of /opt/ml/model, and predictions with them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_xgboost import model_file
from sagemaker_xgboost.cross_validation import majority
from sagemaker_xgboost.library import xgboost

Predictions = NDArray[np.floating[Any]]

log = logging.getLogger(__name__)


class Member:
    """One booster. Predicting is safe from several threads: xgboost guarantees it for prediction alone."""

    def __init__(self, booster: Any) -> None:
        # Small requests gain nothing from more threads, and requests run side by side already.
        booster.set_param({"nthread": 1})
        self._booster = booster
        config = json.loads(booster.save_config())["learner"]
        self.objective: str = config["objective"]["name"]
        self.classes = int(config["learner_model_param"].get("num_class", 0))
        self._features = int(config["learner_model_param"]["num_feature"])
        self._linear = config["gradient_booster"]["name"] == "gblinear"
        best = booster.attr("best_iteration")
        self._rounds = (0, int(best) + 1) if best and not self._linear else (0, 0)

    def predict(self, data: Any) -> Predictions:
        """Predictions for a float32 array or a CSR matrix; columns a request leaves out count as missing."""
        if data.shape[1] < self._features and hasattr(data, "indptr"):
            data = data.copy()
            data.resize(data.shape[0], self._features)
        if data.shape[1] == self._features and not self._linear:
            # Without a DMatrix in between a small request takes a third less time.
            return self._array(
                self._booster.inplace_predict(data, iteration_range=self._rounds, validate_features=False)
            )
        matrix = xgboost.DMatrix(data, nthread=1)
        return self._array(self._booster.predict(matrix, iteration_range=self._rounds, validate_features=False))

    @staticmethod
    def _array(values: Any) -> Predictions:
        array: Predictions = np.asarray(values)
        return array


class Predictor:
    """One model, or an ensemble of all model files."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members

    @property
    def objective(self) -> str:
        return self._members[0].objective

    @property
    def classes(self) -> int:
        return self._members[0].classes

    def predict(self, data: Any) -> Predictions:
        """One row of predictions for each row of data: the mean of the members, or their majority for classes."""
        votes = [member.predict(data) for member in self._members]
        if len(votes) == 1:
            return votes[0]
        if self.objective in ("multi:softmax", "binary:hinge"):
            return np.array([majority(row) for row in np.column_stack(votes)], votes[0].dtype)
        return np.asarray(np.mean(votes, axis=0))


def load(folder: Path) -> Predictor:
    """Load the first file whose name does not begin with a dot, or all such files when
    SAGEMAKER_INFERENCE_ENSEMBLE is true (the default). Raises RuntimeError."""
    files = sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise RuntimeError(f"No model file in {folder}")
    if os.environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true").lower() != "true":
        files = files[:1]
    for path in files:
        log.info("Loading the model from %s", path)
    return Predictor([Member(_booster(path)) for path in files])


def _booster(path: Path) -> Any:
    model = model_file.load(path)
    if isinstance(model, xgboost.Booster):
        return model
    raise RuntimeError(f"Model at {path} cannot be loaded:\nit holds a {type(model).__name__}, not a Booster")
