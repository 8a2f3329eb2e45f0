"""The training job: read, check, boost, save."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from sagemaker_container.channel import Channel, channel, require_channels
from sagemaker_container.errors import UserError
from sagemaker_container.layout import Layout
from sagemaker_container.program import leave

from sagemaker_xgboost.content_type import data_format
from sagemaker_xgboost.hyperparameters import TABLE

log = logging.getLogger(__name__)


def train(layout: Layout) -> None:
    """Run the job that the files below ``layout`` describe. Raises `UserError` or `AlgorithmError`."""
    given = layout.hyperparameters()
    _refuse_script_mode(given)
    log.info("Running XGBoost Sagemaker in algorithm mode")
    values = TABLE.validate(given)
    training, validation = _channels(layout)
    _refuse_what_is_not_built(layout, values)
    log.info("Determined %s GPU(s) available on the instance.", os.environ.get("SM_NUM_GPUS", "0"))
    _run(layout, values, training, validation)


def _refuse_script_mode(given: Mapping[str, str]) -> None:
    if "sagemaker_program" in given or os.environ.get("SAGEMAKER_PROGRAM"):
        raise UserError(
            "sagemaker_program asks for framework (script) mode, which this emulator's XGBoost image does not have "
            "yet. Only the built-in algorithm can be run: leave sagemaker_program out."
        )


def _channels(layout: Layout) -> tuple[Channel, Channel | None]:
    configs = layout.channels()
    require_channels(configs, required={"train"}, optional={"validation", "code"})
    channels = {name: channel(name, layout.channel(name), config) for name, config in configs.items()}
    for name in ("train", "validation"):
        if name in channels:
            _check(channels[name])
    return channels["train"], channels.get("validation")


def _check(given: Channel) -> None:
    kind = data_format(given.content_type)
    if given.input_mode == "Pipe":
        if kind == "libsvm":
            raise UserError("Pipe mode not supported for LibSVM.")
        raise UserError(
            f"Pipe mode for the {given.name} channel is not built in this emulator's XGBoost image, and version 3.0 "
            "of SageMaker's refuses it too. Use File or FastFile mode."
        )


def _refuse_what_is_not_built(layout: Layout, values: Mapping[str, Any]) -> None:
    hosts = layout.hosts()
    if len(hosts) > 1:
        raise UserError(
            f"Distributed training on {len(hosts)} hosts is not built in this emulator's XGBoost image yet. "
            "Use an instance count of 1."
        )
    if values.get("use_dask_gpu_training") == "true":
        raise UserError(
            "use_dask_gpu_training is not built in this emulator's XGBoost image, which has no GPU support."
        )


def _run(layout: Layout, values: dict[str, Any], training: Channel, validation: Channel | None) -> None:
    # Imported late, so that a job with a mistake in its request fails at once.
    from sagemaker_xgboost import cross_validation, matrix, model_file
    from sagemaker_xgboost.boosting import boost
    from sagemaker_xgboost.job import plan

    data = matrix.load(training, validation, values.get("csv_weights") == 1, together="_kfold" in values)
    rows, columns = data.train.num_row(), data.train.num_col()
    job = plan(values, rows * columns)
    log.info("Single node training.")
    log.info("Train matrix has %s rows and %s columns", rows, columns)
    if data.validation is not None:
        log.info("Validation matrix has %s rows", data.validation.num_row())
    model = layout.model / model_file.MODEL_NAME
    if job.save_on_termination:
        _keep_model_on_signal(layout.model)
    if job.folds:
        cross_validation.run(job, data.both, layout)
        return
    booster, _ = boost(job, data.train, data.validation, layout.checkpoints(), model)
    model_file.save(booster, model)


def _keep_model_on_signal(folder: Path) -> None:
    """From now on SIGTERM ends the job as a success that leaves the model of the last complete round."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for unfinished in folder.glob(".*.part"):
            unfinished.unlink(missing_ok=True)
        leave(0)

    signal.signal(signal.SIGTERM, stop)
