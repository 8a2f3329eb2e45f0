"""What a run leaves out for want of room."""

from __future__ import annotations

import shutil
from collections import namedtuple

import pytest

from benchmarks.plan import Plan

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "room"), [(2_000_000_000, True), (1_999_999_999, False)])
def test_what_the_disk_has_no_room_for_is_left_out_with_the_reason(
    free: int, room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free))
    plan = Plan({}, [], rounds=1, seconds=1)
    assert plan.has_room("The copy", 2_000_000_000) is room
    assert [line.startswith("The copy is left out: it needs 2.0 GB of disk") for line in plan.left_out] == [True] * (
        not room
    )


def test_what_takes_long_runs_in_fewer_rounds() -> None:
    plan = Plan({}, [], rounds=5, seconds=1)
    assert list(plan.each_round("short")) == [1, 2, 3, 4, 5]
    assert list(plan.each_round("long", at_most=3)) == [1, 2, 3]
