"""One run of boosting, with its callbacks and xgboost's errors put into words for the user."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sagemaker_container.errors import AlgorithmError, UserError

from sagemaker_xgboost import metrics, model_file
from sagemaker_xgboost.callbacks import Checkpoints, IntermediateModel, MetricLine
from sagemaker_xgboost.job import Plan
from sagemaker_xgboost.library import is_master, xgboost

# Parts of xgboost's messages for mistakes in data or hyperparameters: those AWS's image lists, and the wording that
# xgboost 3 has for the same mistakes and others of the kind.
USER_MISTAKES = (
    "label must be in [0,1] for logistic regression",
    "label must be in (0, 1) for logistic regression",
    "label must be in [0, num_class)",
    "label must be discrete values in the range of [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "base_score must be in (0,1) for",
    "`base_score` must be greater than 0 for gamma regression",
    "PoissonRegression: label must be nonnegative",
    "TweedieRegression: label must be nonnegative",
    "label must be non-negative for Poisson/Tweedie regression",
    "label must be greater than -1 for rmsle",
    "Label contains NaN",
    "Weights must be positive values",
    "Parameter reg_lambda should be greater equal to 0",
    "should be greater equal to",
    "Invalid Input:",
    "Unknown objective function",
    "Unknown tree updater",
    "The size of monotone constraint",
    "Relevance degress must be",
)
# Where xgboost's messages say they come from when it cannot speak with other hosts.
COLLECTIVE = "/src/collective/"
LOGISTIC = ("binary:logistic", "binary:logitraw", "reg:logistic")

log = logging.getLogger(__name__)


class LostContact(AlgorithmError):
    """Another host of the cluster is gone or cannot be heard any more."""


def boost(
    plan: Plan, train: Any, validation: Any | None, checkpoints: Path | None, intermediate: Path | None
) -> tuple[Any, dict[str, dict[str, list[float]]]]:
    """Train one model; answers it and its history {"train": {metric: [value of each round]}, "validation": ...}.

    Goes on from the newest checkpoint, if there is one. Raises `UserError` or `AlgorithmError`.
    """
    _require_fitting_labels(plan, train)
    history: dict[str, dict[str, list[float]]] = {}
    try:
        start, done = _beginning(checkpoints)
        booster = xgboost.train(
            plan.parameters,
            train,
            num_boost_round=max(plan.rounds - done, 0),
            evals=[(train, "train")] + ([(validation, "validation")] if validation is not None else []),
            evals_result=history,
            custom_metric=metrics.evaluation(plan.own_metrics, plan.objective),
            callbacks=_callbacks(plan, done, validation is not None, checkpoints, intermediate),
            xgb_model=start,
            verbose_eval=False,
        )
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise explained(error) from error
    return booster, history


def _beginning(checkpoints: Path | None) -> tuple[Any | None, int]:
    """The newest checkpoint and its rounds. All hosts must begin alike, so the master's counts for all of them."""
    start, done = model_file.latest_checkpoint(checkpoints)
    if xgboost.collective.is_distributed():
        start, done = xgboost.collective.broadcast((start, done), root=0)
    if start is not None:
        log.info("Checkpoint loaded from %s", checkpoints)
        log.info("Resuming from iteration %s", done)
    return start, done


def _callbacks(
    plan: Plan, done: int, validated: bool, checkpoints: Path | None, intermediate: Path | None
) -> list[Any]:
    callbacks = _reports(plan, done, checkpoints, intermediate) if is_master() else []
    if plan.early_stopping_rounds:
        callbacks.append(
            xgboost.callback.EarlyStopping(
                rounds=plan.early_stopping_rounds,
                data_name="validation" if validated else "train",
                metric_name=plan.early_stopping_metric,
                maximize=plan.maximize(),
                # A linear model has no rounds to cut off.
                save_best=plan.parameters.get("booster") != "gblinear",
            )
        )
    return callbacks


def _reports(plan: Plan, done: int, checkpoints: Path | None, intermediate: Path | None) -> list[Any]:
    callbacks: list[Any] = []
    if checkpoints is not None:
        callbacks.append(Checkpoints(checkpoints, done))
    if plan.save_on_termination and intermediate is not None:
        callbacks.append(IntermediateModel(intermediate))
    callbacks.append(MetricLine(done))  # after the files: who sees a round's line may count on them
    return callbacks


def _require_fitting_labels(plan: Plan, train: Any) -> None:
    """xgboost 3 first derives a base score from the labels and then complains about that one instead."""
    labels = train.get_label()
    if plan.objective in LOGISTIC and (labels.min() < 0 or labels.max() > 1):
        raise UserError("label must be in [0,1] for logistic regression")


def explained(error: Exception) -> UserError | AlgorithmError:
    """An error of xgboost as one of ours, without its native stack trace."""
    text = str(error).partition("Stack trace:")[0].strip()
    if any(mistake in text for mistake in USER_MISTAKES):
        return UserError(text)
    if COLLECTIVE in text:
        return LostContact(f"The connection to another host of the cluster was lost during training:\n {text}")
    return AlgorithmError(f"XGB train call failed with exception:\n {text}")
