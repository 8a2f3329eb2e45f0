"""The training job: check what was asked for, then train on one host or on several."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from sagemaker_container.errors import UserError
from sagemaker_container.layout import Layout

from sagemaker_xgboost.hyperparameters import TABLE

log = logging.getLogger(__name__)


def train(layout: Layout) -> None:
    """Run the job that the files below ``layout`` describe. Raises `UserError` or `AlgorithmError`."""
    given = layout.hyperparameters()
    _refuse_script_mode(given)
    log.info("Running XGBoost Sagemaker in algorithm mode")
    values = TABLE.validate(given)
    _refuse_gpu_training(values)
    if len(layout.hosts()) > 1:
        from sagemaker_xgboost.cluster import train_together

        train_together(layout, values)
    else:
        _train_alone(layout, values)


def _refuse_script_mode(given: Mapping[str, str]) -> None:
    if "sagemaker_program" in given or os.environ.get("SAGEMAKER_PROGRAM"):
        raise UserError(
            "sagemaker_program asks for framework (script) mode, which this emulator's XGBoost image does not have "
            "yet. Only the built-in algorithm can be run: leave sagemaker_program out."
        )


def _refuse_gpu_training(values: Mapping[str, Any]) -> None:
    if values.get("use_dask_gpu_training") == "true":
        raise UserError(
            "use_dask_gpu_training is not built in this emulator's XGBoost image, which has no GPU support."
        )
    log.info("Determined %s GPU(s) available on the instance.", os.environ.get("SM_NUM_GPUS", "0"))


def _train_alone(layout: Layout, values: Mapping[str, Any]) -> None:
    # Imported late, so that a job with a mistake in its request fails at once.
    from sagemaker_xgboost.fit import fit
    from sagemaker_xgboost.inputs import Inputs

    inputs = Inputs.of(layout, values)
    data = inputs.load()
    if empty := inputs.empty(data):
        name = "training" if empty is inputs.training else "validation"
        raise UserError(f"No data in {name} channel path {empty.path}")
    log.info("Single node training.")
    fit(layout, values, data)
