"""Hyperparameters of the XGBoost algorithm: what is accepted, and the words for what is not."""

from __future__ import annotations

import pytest
from sagemaker_container.errors import UserError
from sagemaker_xgboost.hyperparameters import TABLE


def refusal(**given: str) -> str:
    with pytest.raises(UserError) as raised:
        TABLE.validate({"num_round": "10", **given})
    return raised.value.message


def test_strings_become_numbers_and_lists() -> None:
    values = TABLE.validate(
        {"num_round": "10", "eta": "0.2", "eval_metric": "auc,error@0.3", "objective": "binary:hinge"}
    )
    assert values == {"num_round": 10, "eta": 0.2, "eval_metric": ["auc", "error@0.3"], "objective": "binary:hinge"}


@pytest.mark.parametrize(
    ("alias", "name"),
    [("learning_rate", "eta"), ("min_split_loss", "gamma"), ("reg_lambda", "lambda"), ("reg_alpha", "alpha")],
)
def test_an_alias_is_stored_under_the_real_name(alias: str, name: str) -> None:
    assert TABLE.validate({"num_round": "1", alias: "0.5"})[name] == 0.5


def test_num_round_is_required() -> None:
    with pytest.raises(UserError, match=r"^Missing required hyperparameter: num_round$"):
        TABLE.validate({})


def test_an_unknown_name_is_extraneous() -> None:
    assert refusal(depth="3") == "Extraneous hyperparameter found: depth"


@pytest.mark.parametrize("value", ["abc", "1.5", ""])
def test_text_that_is_no_integer_could_not_be_parsed(value: str) -> None:
    assert refusal(max_depth=value) == "Hyperparameter max_depth: could not parse value (caused by ValueError)"


def test_a_constraint_that_is_code_is_not_run() -> None:
    message = refusal(monotone_constraints="__import__('os').getcwd()", tree_method="hist")
    assert message == "Hyperparameter monotone_constraints: could not parse value (caused by ValueError)"


@pytest.mark.parametrize(
    ("name", "value", "shown", "interval"),
    [
        ("num_round", "0", "0", "[1, +inf)"),
        ("eta", "1.5", "1.5", "[0, 1]"),
        ("gamma", "-1", "-1.0", "[0, +inf)"),
        ("subsample", "0", "0.0", "(0, 1]"),
        ("colsample_bynode", "1.01", "1.01", "(0, 1]"),
        ("max_depth", "-1", "-1", "[0, +inf)"),
        ("verbosity", "4", "4", "[0, 3]"),
        ("sketch_eps", "1", "1.0", "(0, 1)"),
        ("scale_pos_weight", "0", "0.0", "(0, +inf)"),
        ("tweedie_variance_power", "2", "2.0", "(1, 2)"),
        ("num_class", "1", "1", "[2, +inf)"),
        ("_kfold", "1", "1", "[2, +inf)"),
        ("seed", "2147483647", "2147483647", "(-2147483648, 2147483647)"),
        ("booster", "tree", "tree", "['gbtree', 'gblinear', 'dart']"),
        ("eta", "nan", "nan", "[0, 1]"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(name: str, value: str, shown: str, interval: str) -> None:
    assert refusal(**{name: value}) == f"Hyperparameter {name}: value {shown} not in range {interval}"


def test_an_unknown_objective_lists_the_known_ones() -> None:
    assert refusal(objective="binary:magic").startswith(
        "Hyperparameter objective: value binary:magic not in range ['aft_loss_distribution', 'binary:logistic'"
    )


def test_an_unknown_metric_lists_the_known_ones() -> None:
    assert refusal(eval_metric="rmse,luck").startswith(
        "Hyperparameter eval_metric: value ['rmse', 'luck'] not in range ['accuracy', 'auc'"
    )


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_several_classes_need_num_class(objective: str) -> None:
    assert refusal(objective=objective) == "Require input for parameter 'num_class' for multi-classification"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("rmse@3", "Metric 'rmse@3' is not supported. Parameter 'eval_metric' with customized threshold"),
        ("error@x", "Threshold value 't' in 'error@t' expects float input."),
        ("<function f>", "User defined evaluation metric <function f> is not supported yet."),
        ("auc", "Metric 'auc' can only be applied for classification and ranking problems."),
        ("aft-nloglik", "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective."),
    ],
)
def test_a_metric_that_does_not_fit_is_explained(metric: str, message: str) -> None:
    assert refusal(eval_metric=metric, objective="reg:squarederror").startswith(message)


def test_auc_without_an_objective_meets_the_default_which_is_regression() -> None:
    assert refusal(eval_metric="auc") == "Metric 'auc' can only be applied for classification and ranking problems."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"booster": "gblinear", "updater": "refresh"}, "Linear updater should be one of these options: 'shotgun'"),
        ({"process_type": "update", "updater": "sync"}, "process_type 'update' can only be used with updater"),
        ({"updater": "shotgun"}, "Tree updater should be selected from these options: 'grow_colmaker'"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "Only one tree grow plugin can be selected."),
        ({"monotone_constraints": "(1,0)"}, "monotone_constraints can be used only when the tree_method"),
        ({"interaction_constraints": "[[1,2]]"}, "interaction_constraints can be used only when the tree_method"),
    ],
)
def test_values_that_contradict_each_other_are_refused(given: dict[str, str], message: str) -> None:
    assert refusal(**given).startswith(message)


def test_constraints_are_read_as_literals() -> None:
    given = {"num_round": "1", "tree_method": "hist"}
    constraints = {"monotone_constraints": "(1,0,-1)", "interaction_constraints": "[[1,2],[3]]"}
    values = TABLE.validate({**given, **constraints})
    assert values["monotone_constraints"] == (1, 0, -1)
    assert values["interaction_constraints"] == [[1, 2], [3]]
