"""What the hyperparameters of one job ask for, split into our part and xgboost's own parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_container.cpu import usable_cpus

from sagemaker_xgboost import metric_names, metrics

OWN = {
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "use_dask_gpu_training",
    "eval_metric",
    "_kfold",
    "_num_cv_round",
    "_tuning_objective_metric",
}
SMALL = 200_000
"""Cells of a training matrix up to which one thread is as fast as several, and far faster on a busy machine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``parameters`` go to xgboost as they are; ``own_metrics`` are those computed here."""

    rounds: int
    parameters: dict[str, Any]
    own_metrics: list[str]
    objective: str
    early_stopping_rounds: int | None
    early_stopping_metric: str | None
    save_on_termination: bool
    folds: int | None
    repeats: int
    seed: int

    @property
    def classification(self) -> bool:
        return "num_class" in self.parameters or self.objective.startswith("binary:")

    def maximize(self) -> bool | None:
        """Whether early stopping waits for the metric to grow; None leaves it to xgboost."""
        if self.early_stopping_metric is None:
            return None
        return self.early_stopping_metric.partition("@")[0] in metric_names.MAXIMIZE


def plan(values: Mapping[str, Any], cells: int) -> Plan:
    """The plan for validated hyperparameters and a training matrix of so many cells."""
    names = _metrics(values)
    builtin, own = metrics.split(names)
    parameters = {name: _for_xgboost(value) for name, value in values.items() if name not in OWN}
    parameters.setdefault("nthread", 1 if cells <= SMALL else usable_cpus())
    if builtin:
        parameters["eval_metric"] = builtin
    return Plan(
        rounds=values["num_round"],
        parameters=parameters,
        own_metrics=own,
        objective=values.get("objective", "reg:squarederror"),
        early_stopping_rounds=values.get("early_stopping_rounds"),
        early_stopping_metric=_decisive(values),
        save_on_termination=values.get("save_model_on_termination") == "true",
        folds=values.get("_kfold"),
        repeats=values.get("_num_cv_round", 1),
        seed=values.get("seed", 0),
    )


def _for_xgboost(value: Any) -> Any:
    """Lists of names travel as text; constraints as their Python form, which xgboost reads."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return str(value) if isinstance(value, list | tuple) else value


def _tuned(values: Mapping[str, Any]) -> list[str]:
    objective = values.get("_tuning_objective_metric")
    return [objective.partition(":")[2]] if objective else []


def _metrics(values: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*values.get("eval_metric", []), *_tuned(values)]))


def _decisive(values: Mapping[str, Any]) -> str | None:
    """The metric for early stopping: the tuning job's, else the last one named."""
    names: list[str] = _tuned(values) or values.get("eval_metric", [])
    return names[-1] if names else None
