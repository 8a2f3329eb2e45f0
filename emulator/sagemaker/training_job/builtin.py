"""What the service knows of its own algorithms: the metrics each prints, by the emulator's image name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.engines.images import first_party

_XGBOOST = [
    "accuracy",
    "aft-nloglik",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "cox-nloglik",
    "error",
    "f1",
    "f1_binary",
    "f1_macro",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "map",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "ndcg",
    "poisson-nloglik",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
]

METRICS: Mapping[str, Sequence[Mapping[str, str]]] = {
    # The container writes TABs, which metric expressions see as #011.
    "xgboost": [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:(\S+)"}
        for channel in ("train", "validation")
        for metric in _XGBOOST
    ],
}


def metric_definitions(request: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """The definitions in force for a job: the request's own, after those of a built-in algorithm.

    Of two definitions of one name the request's counts.
    """
    algorithm = request["AlgorithmSpecification"]
    own = list(algorithm.get("MetricDefinitions", ()))
    named = {definition["Name"] for definition in own}
    builtin = METRICS.get(first_party(algorithm["TrainingImage"]) or "", ())
    # In script mode the image runs the user's program, whose metrics the service cannot know.
    if "sagemaker_program" in request.get("HyperParameters", {}):
        builtin = ()
    return [definition for definition in builtin if definition["Name"] not in named] + own
