"""The hyperparameters of the XGBoost algorithm: types, ranges and what depends on what.

Names, ranges and messages are those of AWS's image (algorithm_mode/hyperparameter_validation.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagemaker_container.errors import UserError
from sagemaker_container.hyperparameter import (
    Hyperparameter,
    Hyperparameters,
    Values,
    comma_separated,
    literal,
)
from sagemaker_container.interval import Checked, Interval

from sagemaker_xgboost import metric_names

BOOLEANS = ["true", "false"]
OBJECTIVES = [
    "aft_loss_distribution",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "reg:linear",
    "reg:squarederror",
    "reg:logistic",
    "reg:gamma",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:absoluteerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
]
TREE_GROWERS = ["grow_colmaker", "distcol", "grow_histmaker", "grow_local_histmaker", "grow_quantile_histmaker"]
TREE_REFINERS = ["refresh", "prune"]
TREE_UPDATERS = [*TREE_GROWERS, "grow_skmaker", "sync", *TREE_REFINERS]
LINEAR_UPDATERS = ["shotgun", "coord_descent"]
METRICS_WITH_PARAMETER = ["error", "ndcg", "map"]


def integer(name: str, low: int | None = None, high: int | None = None, required: bool = False) -> Hyperparameter:
    return Hyperparameter(name, int, Interval(min_closed=low, max_closed=high), required=required)


def number(name: str, range: Interval, *aliases: str) -> Hyperparameter:
    return Hyperparameter(name, float, range, aliases=aliases)


def choice(name: str, values: Sequence[str]) -> Hyperparameter:
    return Hyperparameter(name, str, list(values))


def metric_with_parameter(metric: str) -> bool:
    """Whether ``error@t``, ``ndcg@n`` or ``map@n`` is well formed; says what is wrong with one that is not."""
    if "<function" in metric:
        raise UserError(f"User defined evaluation metric {metric} is not supported yet.")
    name, at, parameter = (part.strip() for part in metric.partition("@"))
    if not at:
        return False
    if name not in METRICS_WITH_PARAMETER:
        raise UserError(
            f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should "
            "be one of these options: 'error', 'ndcg', 'map'."
        )
    try:
        float(parameter)
    except ValueError:
        raise UserError(f"Threshold value 't' in '{name}@t' expects float input.") from None
    return True


def check_updater(value: Any, values: Values) -> None:
    if values.get("booster") == "gblinear":
        if len(value) != 1 or value[0] not in LINEAR_UPDATERS:
            raise UserError("Linear updater should be one of these options: 'shotgun', 'coord_descent'.")
    elif values.get("process_type") == "update":
        if not set(value) <= set(TREE_REFINERS):
            raise UserError("process_type 'update' can only be used with updater 'refresh' and 'prune'")
    else:
        _check_tree_updater(value)


def _check_tree_updater(value: list[str]) -> None:
    if not set(value) <= set(TREE_UPDATERS):
        # "shortgun" is how the service itself spells it.
        raise UserError(
            "Tree updater should be selected from these options: 'grow_colmaker', 'distcol', 'grow_histmaker', "
            "'grow_local_histmaker', 'grow_skmaker', 'grow_quantile_histmaker', 'sync', 'refresh', 'prune', "
            "'shortgun', 'coord_descent'."
        )
    if sum(name in TREE_GROWERS for name in value) > 1:
        raise UserError(
            "Only one tree grow plugin can be selected. Choose one from the"
            "following: 'grow_colmaker', 'distcol', 'grow_histmaker', 'grow_local_histmaker', 'grow_skmaker'"
        )


def check_objective(value: Any, values: Values) -> None:
    if value.startswith("multi:") and values.get("num_class") is None:
        raise UserError("Require input for parameter 'num_class' for multi-classification")


def check_eval_metric(value: Any, values: Values) -> None:
    objective = values.get("objective", "reg:squarederror")
    if "auc" in value and not objective.startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in value and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")


def check_monotone_constraints(_value: Any, values: Values) -> None:
    if values.get("tree_method") not in ("exact", "hist"):
        raise UserError(
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
        )


def check_interaction_constraints(_value: Any, values: Values) -> None:
    if values.get("tree_method") not in ("exact", "hist", "approx"):
        raise UserError(
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'."
        )


SHARE = Interval(min_open=0, max_closed=1)
UNIT = Interval(min_closed=0, max_closed=1)
NON_NEGATIVE = Interval(min_closed=0)
METRICS = Checked(metric_names.ALL, metric_with_parameter)
OBJECTIVE_METRICS = [f"validation:{name}" for name in metric_names.ALL]

TABLE = Hyperparameters(
    [
        integer("num_round", 1, required=True),
        integer("csv_weights", 0, 1),
        integer("early_stopping_rounds", 1),
        choice("booster", ["gbtree", "gblinear", "dart"]),
        integer("verbosity", 0, 3),
        integer("nthread", 1),
        number("eta", UNIT, "learning_rate"),
        number("gamma", NON_NEGATIVE, "min_split_loss"),
        integer("max_depth", 0),
        number("min_child_weight", NON_NEGATIVE),
        number("max_delta_step", NON_NEGATIVE),
        number("subsample", SHARE),
        number("colsample_bytree", SHARE),
        number("colsample_bylevel", SHARE),
        number("colsample_bynode", SHARE),
        number("lambda", NON_NEGATIVE, "reg_lambda"),
        number("alpha", NON_NEGATIVE, "reg_alpha"),
        choice("tree_method", ["auto", "exact", "approx", "hist", "gpu_hist"]),
        number("sketch_eps", Interval(min_open=0, max_open=1)),
        number("scale_pos_weight", Interval(min_open=0)),
        Hyperparameter("updater", comma_separated, [*TREE_UPDATERS, *LINEAR_UPDATERS], many=True, check=check_updater),
        choice("dsplit", ["row", "col"]),
        integer("refresh_leaf", 0, 1),
        choice("process_type", ["default", "update"]),
        choice("grow_policy", ["depthwise", "lossguide"]),
        integer("max_leaves", 0),
        integer("max_bin", 0),
        choice("predictor", ["auto", "cpu_predictor", "gpu_predictor"]),
        Hyperparameter("monotone_constraints", literal, [-1, 0, 1], many=True, check=check_monotone_constraints),
        Hyperparameter(
            "interaction_constraints",
            literal,
            # AWS's image asks for indices of at least 1 although xgboost itself counts features from 0.
            Interval(min_closed=1),
            many=True,
            check=check_interaction_constraints,
        ),
        choice("sample_type", ["uniform", "weighted"]),
        choice("normalize_type", ["tree", "forest"]),
        number("rate_drop", UNIT),
        integer("one_drop", 0, 1),
        number("skip_drop", UNIT),
        number("lambda_bias", UNIT),
        number("tweedie_variance_power", Interval(min_open=1, max_open=2)),
        Hyperparameter("objective", str, OBJECTIVES, check=check_objective),
        integer("num_class", 2),
        number("base_score", NON_NEGATIVE),
        integer("_kfold", 2),
        integer("_num_cv_round", 1),
        choice("_tuning_objective_metric", OBJECTIVE_METRICS),
        Hyperparameter("eval_metric", comma_separated, METRICS, many=True, check=check_eval_metric),
        Hyperparameter("seed", int, Interval(min_open=-(2**31), max_open=2**31 - 1)),
        integer("num_parallel_tree", 1),
        choice("save_model_on_termination", BOOLEANS),
        choice("aft_loss_distribution", ["normal", "logistic", "extreme"]),
        number("aft_loss_distribution_scale", NON_NEGATIVE),
        choice("deterministic_histogram", BOOLEANS),
        choice("sampling_method", ["uniform", "gradient_based"]),
        Hyperparameter("prob_buffer_row", int, Interval(min_open=1)),
        choice("use_dask_gpu_training", BOOLEANS),
    ]
)
