"""From matrices to model files. Of a cluster's hosts, which all come here, only the first writes."""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from sagemaker_container.ending import leave
from sagemaker_container.layout import Layout

from sagemaker_xgboost import cross_validation, model_file
from sagemaker_xgboost.boosting import boost
from sagemaker_xgboost.job import plan
from sagemaker_xgboost.library import is_master
from sagemaker_xgboost.matrix import Matrices

log = logging.getLogger(__name__)


def fit(layout: Layout, values: Mapping[str, Any], data: Matrices) -> None:
    """Train what the hyperparameters ask for and save it. Raises `UserError` or `AlgorithmError`."""
    assert data.train is not None
    rows, columns = data.train.num_row(), data.train.num_col()
    job = plan(values, rows * columns)
    log.info("Train matrix has %s rows and %s columns", rows, columns)
    if data.validation is not None:
        log.info("Validation matrix has %s rows", data.validation.num_row())
    if job.save_on_termination:
        _keep_model_on_signal(layout.model)
    if job.folds:
        cross_validation.run(job, data.both, layout)
        return
    model = layout.model / model_file.MODEL_NAME
    booster = boost(job, data.train, data.validation, layout.checkpoints(), model)[0]
    if is_master():
        model_file.save(booster, model)


def _keep_model_on_signal(folder: Path) -> None:
    """From now on SIGTERM ends the job as a success that leaves the model of the last complete round."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for unfinished in folder.glob(f".*{model_file.UNFINISHED}"):
            unfinished.unlink(missing_ok=True)
        leave(0)

    signal.signal(signal.SIGTERM, stop)
