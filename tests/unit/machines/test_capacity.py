"""Instances that are bounded in number, and who gets them when."""

from __future__ import annotations

import random

from emulator.machines.capacity import Capacity


def granted() -> tuple[list[str], Capacity]:
    told: list[str] = []
    return told, Capacity(2, told.append)


def test_who_asks_while_there_is_room_is_served_at_once() -> None:
    told, capacity = granted()
    assert capacity.reserve("a", 1, 1.0, "a") == "granted"
    assert capacity.reserve("b", 1, 2.0, "b") == "granted"
    assert told == []


def test_who_waits_is_served_in_the_order_of_asking() -> None:
    told, capacity = granted()
    capacity.reserve("a", 2, 1.0, "a")
    assert capacity.reserve("late", 1, 3.0, "late") == "queued"
    assert capacity.reserve("early", 1, 2.0, "early") == "queued"
    capacity.reserve("last", 1, 4.0, "last")
    capacity.release("a")
    assert told == ["early", "late"]
    capacity.release("late")
    assert told == ["early", "late", "last"]


def test_nobody_passes_a_large_request_that_waits() -> None:
    told, capacity = granted()
    capacity.reserve("a", 1, 1.0, "a")
    assert capacity.reserve("large", 2, 2.0, "large") == "queued"
    assert capacity.reserve("small", 1, 3.0, "small") == "queued"
    capacity.release("a")
    assert told == ["large"]


def test_who_gives_up_waiting_lets_the_next_one_in() -> None:
    told, capacity = granted()
    capacity.reserve("a", 1, 1.0, "a")
    capacity.reserve("large", 2, 2.0, "large")
    capacity.reserve("small", 1, 3.0, "small")
    capacity.release("large")
    assert told == ["small"]


def test_more_than_there_will_ever_be_is_impossible() -> None:
    assert granted()[1].reserve("a", 3, 1.0, "a") == "impossible"


def test_asking_twice_takes_nothing_twice() -> None:
    _, capacity = granted()
    assert capacity.reserve("a", 1, 1.0, "a") == capacity.reserve("a", 1, 1.0, "a") == "granted"
    assert capacity.reserve("b", 1, 2.0, "b") == "granted"


def test_what_is_held_after_a_restart_counts_even_beyond_the_bound() -> None:
    told, capacity = granted()
    capacity.hold("a", 5)
    assert capacity.reserve("b", 1, 1.0, "b") == "queued"
    capacity.release("a")
    assert told == ["b"]


def test_without_a_bound_nobody_waits() -> None:
    capacity = Capacity(None, lambda _: None)
    assert {capacity.reserve(str(number), 100, 1.0, number) for number in range(100)} == {"granted"}


def test_the_bound_holds_whatever_the_order_of_asking_and_giving_back() -> None:
    source = random.Random(7)
    running: set[str] = set()
    capacity = Capacity(3, running.add)
    waiting: list[str] = []
    for number in range(500):
        name = str(number)
        if capacity.reserve(name, 1, float(number), name) == "granted":
            running.add(name)
        else:
            waiting.append(name)
        assert len(running) <= 3
        if source.random() < 0.6:
            ended = source.choice(sorted(running))
            running.discard(ended)
            capacity.release(ended)
    while running:
        assert len(running) <= 3
        ended = min(running, key=int)
        running.discard(ended)
        capacity.release(ended)
    assert capacity.reserve("x", 3, 1e9, "x") == "granted"
