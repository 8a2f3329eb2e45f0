from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.aws.dumpers import Dumpers
from emulator.aws.model import Model, Shape

TYPES = ("string", "integer", "long", "float", "double", "boolean", "blob", "timestamp")


@pytest.fixture
def describe(models: Callable[[str], Model]) -> Callable[[Any], Any]:
    """Projects on the output of DescribeTrainingJob."""
    return Dumpers(models("sagemaker")).of("DescribeTrainingJobResponse")


def dump(kind: str, value: Any) -> Any:
    return Dumpers(Model({}, {}, {"It": {"type": kind}})).of("It")(value)


def test_members_of_the_shape_stay_and_others_go(describe: Callable[[Any], Any]) -> None:
    document = {"TrainingJobName": "a", "Container": "abc", "ResourceConfig": {"InstanceCount": 1, "Spot": 2}}
    assert describe(document) == {"TrainingJobName": "a", "ResourceConfig": {"InstanceCount": 1}}


def test_none_means_absent_everywhere(describe: Callable[[Any], Any]) -> None:
    document = {"FailureReason": None, "HyperParameters": {"a": None, "b": "1"}, "FinalMetricDataList": [None]}
    assert describe(document) == {"HyperParameters": {"b": "1"}, "FinalMetricDataList": []}


def test_a_timestamp_may_be_a_number_or_a_datetime(describe: Callable[[Any], Any]) -> None:
    at = datetime(2024, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
    assert (
        describe({"CreationTime": at}) == describe({"CreationTime": at.timestamp()}) == {"CreationTime": 1706702400.123}
    )


def test_special_floats_are_spelled_and_blobs_encoded() -> None:
    assert [dump("double", value) for value in (math.nan, math.inf, -math.inf)] == ["NaN", "Infinity", "-Infinity"]
    assert dump("blob", b"value") == dump("blob", bytearray(b"value")) == "dmFsdWU="


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 1),
        ("string", b"x"),
        ("integer", "1"),
        ("integer", True),
        ("integer", 1.0),
        ("double", "1"),
        ("double", False),
        ("boolean", 1),
        ("boolean", "true"),
        ("blob", "text"),
        ("timestamp", "2024-01-31"),
    ],
)
def test_a_wrong_type_in_an_answer_is_our_mistake_and_loud(kind: str, value: Any) -> None:
    with pytest.raises(TypeError):
        dump(kind, value)


@pytest.mark.parametrize("value", ["ab", {"a": 1}, b"ab"])
def test_what_merely_iterates_is_no_list(value: Any) -> None:
    shapes: dict[str, Shape] = {"L": {"type": "list", "member": {"shape": "S"}}, "S": {"type": "string"}}
    with pytest.raises(TypeError, match="a list was expected"):
        Dumpers(Model({}, {}, shapes)).of("L")(value)


def test_a_shape_may_contain_itself() -> None:
    shapes = {"T": {"type": "structure", "members": {"Next": {"shape": "T"}}}}
    assert Dumpers(Model({}, {}, shapes)).of("T")({"Next": {"Next": {}}, "x": 1}) == {"Next": {"Next": {}}}
