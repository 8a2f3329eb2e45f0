"""Quotas: their names and values, what an increase keeps, and what is refused in AWS's words."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.arns import Scope
from emulator.clock import FakeClock
from emulator.errors import ResourceLimitExceeded
from emulator.sagemaker.quotas import UNLIMITED, NotAnIncrease, Quotas, UnknownQuota, names, refuse_excess
from emulator.state.sql import SqlStore

HERE, THERE = Scope("111122223333", "us-east-1"), Scope("111122223333", "eu-west-1")
NAME = "ml.m5.large for training job usage"
ARN = "arn:aws:servicequotas:us-east-1:111122223333:sagemaker/L-0"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore.file(tmp_path / "db", synced=False)
    yield opened
    opened.close()


def quotas(store: SqlStore, value: int | None = None) -> Quotas:
    return Quotas(store, FakeClock(), {} if value is None else {NAME: value})


def test_every_training_instance_type_has_three_quotas() -> None:
    known = names()
    assert len(set(known)) == len(known)
    for use in ("training job", "spot training job", "training warm pool"):
        assert f"ml.p3.2xlarge for {use} usage" in known
    assert not any("hosting" in name for name in known)


def test_a_quota_is_unlimited_unless_the_setting_says_otherwise(store: SqlStore) -> None:
    assert quotas(store).value(HERE, NAME) == UNLIMITED
    assert quotas(store, value=3).value(HERE, NAME) == quotas(store, value=3).value(THERE, NAME) == 3


def test_a_setting_for_what_is_no_quota_is_refused_by_name(store: SqlStore) -> None:
    with pytest.raises(UnknownQuota, match=r"no quota 'ml\.m5\.huge for training job usage'"):
        Quotas(store, FakeClock(), {"ml.m5.huge for training job usage": 1})


def test_an_increase_is_in_force_in_its_own_scope_and_for_the_next_start(store: SqlStore) -> None:
    first = quotas(store, value=1)
    granted = [first.increase(HERE, NAME, value, ARN) for value in (2.0, 5.0)]
    assert (first.value(HERE, NAME), first.value(THERE, NAME), first.default(NAME)) == (5.0, 1, 1)
    restarted = quotas(store, value=1)
    assert restarted.value(HERE, NAME) == 5.0
    assert restarted.increases(HERE) == granted
    assert restarted.increases(THERE) == []


def test_an_increase_must_be_one(store: SqlStore) -> None:
    held = quotas(store, value=4)
    for value in (3.0, 4.0):
        with pytest.raises(NotAnIncrease):
            held.increase(HERE, NAME, value, ARN)
    assert held.increases(HERE) == []


def test_of_two_equal_increases_at_once_one_is_granted(store: SqlStore) -> None:
    held = quotas(store, value=1)

    def ask(value: float) -> bool:
        try:
            held.increase(HERE, NAME, value, ARN)
        except NotAnIncrease:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, [2.0] * 16)) == 1


def test_the_refusal_is_in_the_words_of_aws() -> None:
    name = "ml.p3.2xlarge for training job usage"
    with pytest.raises(ResourceLimitExceeded) as raised:
        refuse_excess({name: 0}, {name: 1}, {})
    assert raised.value.message == (
        "The account-level service limit 'ml.p3.2xlarge for training job usage' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 1 Instances. Please contact AWS support to request an "
        "increase for this limit."
    )


def test_a_quota_may_be_used_up_and_not_exceeded() -> None:
    refuse_excess({NAME: 5}, {NAME: 2}, {NAME: 3})
    with pytest.raises(ResourceLimitExceeded, match="is 5 Instances, with current utilization of 4 Instances"):
        refuse_excess({NAME: 5}, {NAME: 2}, {NAME: 4})


def test_nobody_is_counted_where_nothing_is_limited(store: SqlStore) -> None:
    def count() -> dict[str, int]:
        raise AssertionError("the store was looked through")

    with quotas(store).held(HERE, {NAME: 1000}, count):
        pass


def test_requests_at_once_do_not_pass_together_what_only_one_may_pass(store: SqlStore) -> None:
    held, running, lock = quotas(store, value=3), Counter[str](), threading.Lock()

    def begin(_: int) -> bool:
        try:
            with held.held(HERE, {NAME: 1}, lambda: dict(running)), lock:
                running[NAME] += 1
        except ResourceLimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(begin, range(40))) == 3
