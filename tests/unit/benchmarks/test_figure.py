"""Figures, targets and percentiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figure import Figure, Target, percentile

numbers = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


def figure(value: float, reference: float, target: Target | None = None) -> Figure:
    return Figure("job", "s", value, "docker run", reference, target)


def test_a_percentile_is_the_value_of_the_nearest_rank() -> None:
    hundred = list(range(1, 101))
    assert [percentile(hundred, share) for share in (0, 0.01, 0.5, 0.99, 1)] == [1, 1, 50, 99, 100]
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


@given(numbers, st.floats(0, 1))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < max(1, math.ceil(share * len(values)))


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.5)


def test_a_figure_compares_by_difference_and_by_ratio() -> None:
    assert figure(1.5, 1.25).compared("value") == 1.5
    assert figure(1.5, 1.25).compared("difference") == 0.25
    assert figure(1.5, 1.25).compared("ratio") == 1.2


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("value", 1.5), True),
        (Target("value", 1.4), False),
        (Target("difference", 0.5), True),
        (Target("difference", 0.4), False),
        (Target("ratio", 1.5, at_least=True), True),
        (Target("ratio", 1.6, at_least=True), False),
    ],
)
def test_a_target_is_met_up_to_and_at_its_bound(target: Target, met: bool) -> None:
    assert figure(1.5, 1.0, target).met is met


def test_a_figure_without_a_target_is_neither_met_nor_missed() -> None:
    assert figure(1.5, 1.0).met is None
