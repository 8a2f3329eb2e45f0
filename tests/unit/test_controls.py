"""Rules for what is to go wrong: which fits, when one is spent, and what cannot be a rule."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.controls import ACTIONS, Controls, Rule


def test_a_rule_for_a_name_fits_that_name_and_its_action_once() -> None:
    controls = Controls()
    controls.add("interrupt", "job", parameters={"after_seconds": 2})
    assert controls.take("interrupt", "other") is None
    assert controls.take("delay", "job") is None
    assert controls.take("interrupt", "job") == {"after_seconds": 2}
    assert controls.take("interrupt", "job") is None
    assert controls.rules() == []


def test_a_rule_without_a_name_fits_the_next_ones_whatever_they_are_called() -> None:
    controls = Controls()
    controls.add("throttle", times=2)
    taken = [controls.take("throttle", name) for name in ("CreateModel", "ListModels", "CreateModel")]
    assert taken == [{}, {}, None]


def test_rules_are_used_in_the_order_they_were_added() -> None:
    controls = Controls()
    for seconds in (1, 2, 3):
        controls.add("delay", None if seconds == 2 else "job", parameters={"seconds": seconds})
    taken = [controls.take("delay", "job") for _ in range(3)]
    assert [rule["seconds"] for rule in taken if rule] == [1, 2, 3]


def test_a_rule_for_another_status_is_not_used_up() -> None:
    controls = Controls()
    controls.add("fail", "job", parameters={"status": "Uploading", "reason": "ClientError: no"})
    assert controls.take("fail", "job", status="Training") is None
    assert controls.take("fail", "job", status="Uploading") == {"status": "Uploading", "reason": "ClientError: no"}


def test_what_is_left_of_a_rule_is_shown() -> None:
    controls = Controls()
    added = controls.add("delay", times=3, parameters={"seconds": 1.5})
    controls.take("delay", "job")
    assert [rule.document() for rule in controls.rules()] == [
        {"id": added.id, "action": "delay", "name": None, "times": 2, "status": "Starting", "seconds": 1.5}
    ]


def test_a_removed_rule_does_nothing_and_the_others_stay() -> None:
    controls = Controls()
    first, second = (controls.add("throttle", "CreateModel") for _ in range(2))
    assert controls.remove(first.id)
    assert not controls.remove(first.id)
    assert controls.rules() == [second]
    controls.clear()
    assert controls.take("throttle", "CreateModel") is None


def test_a_subscriber_hears_of_the_rules_of_its_action_and_can_take_them() -> None:
    controls, heard = Controls(), []

    def hear(rule: Rule) -> None:
        heard.append((rule.name, controls.take("interrupt", "job")))

    controls.subscribe("interrupt", hear)
    controls.add("fail", "job")
    controls.add("interrupt", "job")
    assert heard == [("job", {"after_seconds": 0})]


def test_a_rule_is_used_as_often_as_it_says_by_threads_that_ask_at_once() -> None:
    controls = Controls()
    controls.add("throttle", times=50)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda number: controls.take("throttle", str(number)), range(200)))
    assert sum(rule is not None for rule in taken) == 50


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"action": "explode"}, "action must be one of interrupt, "),
        ({"action": ["fail"]}, "action must be one of interrupt, "),
        ({"action": "fail", "name": ""}, "name must be"),
        ({"action": "fail", "name": 3}, "name must be"),
        ({"action": "fail", "times": 0}, "times must be a whole number, 1 or more, not 0"),
        ({"action": "fail", "times": True}, "times must be"),
        ({"action": "fail", "times": 1.5}, "times must be"),
        ({"action": "fail", "parameters": {"seconds": 1}}, "fail has no parameter seconds; it has status, reason"),
        ({"action": "throttle", "parameters": {"rate": 1}}, "it has none"),
        ({"action": "fail", "parameters": {"status": "Running"}}, "status must be one of Starting, Downloading"),
        ({"action": "fail", "parameters": {"reason": "x" * 1025}}, "reason must be a text of 1 to 1024"),
        ({"action": "delay"}, "seconds must be a number of seconds from 0 to 31622400, not None"),
        ({"action": "delay", "parameters": {"seconds": -1}}, "not -1"),
        ({"action": "delay", "parameters": {"seconds": float("nan")}}, "not nan"),
        ({"action": "delay", "parameters": {"seconds": 10**400}}, "seconds must be"),
        ({"action": "interrupt", "parameters": {"after_seconds": True}}, "after_seconds must be"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_by_its_member(rule: dict[str, Any], wanted: str) -> None:
    controls = Controls()
    with pytest.raises(ValueError, match=wanted):
        controls.add(**rule)
    assert controls.rules() == []


def test_every_action_but_a_delay_needs_no_parameter() -> None:
    controls = Controls()
    for action in ACTIONS:
        controls.add(action, parameters={"seconds": 1} if action == "delay" else {})
    assert [rule.action for rule in controls.rules()] == list(ACTIONS)
