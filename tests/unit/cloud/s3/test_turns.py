"""Turns: changes of one key come one after the other."""

from __future__ import annotations

import threading
import time

from emulator.cloud.s3.turns import Turns


class Counter:
    """Loses a count as soon as two threads count at once."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        before = self.count
        time.sleep(0)  # lets another thread run, if there is one that may
        self.count = before + 1


def counted(turns: Turns, keys: list[str]) -> int:
    counter = Counter()

    def change(key: str) -> None:
        for _ in range(200):
            with turns.of("bucket", key):
                counter.add()

    threads = [threading.Thread(target=change, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counter.count


def test_changes_of_one_key_take_turns() -> None:
    assert counted(Turns(), ["k"] * 4) == 800


def test_change_of_many_keys_waits_for_those_of_one_and_they_for_it() -> None:
    assert counted(Turns(), ["k", "", "k", ""]) == 800


def test_turn_within_a_turn_of_the_same_thread_is_had_at_once() -> None:
    turns = Turns()
    with turns.of("bucket", ""), turns.of("bucket", "k"), turns.of("bucket", "k"):
        pass
