"""Graves: no blob goes that somebody names, or could still name; every other one does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from emulator.objects.graves import Graves, Visit


@dataclass
class Visitor:
    """A request: ``seen`` are the blobs that were named at some time of its visit, ``made`` its own."""

    visit: Visit
    seen: set[str]
    made: set[str] = field(default_factory=set)


class Requests(RuleBasedStateMachine):
    """Requests that make blobs, name them, copy names and take them away, in any order."""

    visitors = Bundle("visitors")
    owners = Bundle("owners")

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        self.made: set[str] = set()
        self.removed: set[str] = set()
        self.present: list[Visitor] = []
        self.lock = threading.RLock()
        self.graves = Graves(self.lock, self.is_named, self.remove)

    def is_named(self, blob: str) -> bool:
        return blob in self.names.values()

    def remove(self, blobs: list[str]) -> None:
        for blob in blobs:
            assert not self.is_named(blob)
            assert not any(blob in visitor.seen | visitor.made for visitor in self.present)
            self.removed.add(blob)

    def put(self, owner: str, blob: str | None) -> None:
        """What a commit does: ``owner`` names ``blob``, or nothing; what nobody names now is buried."""
        with self.lock:
            before = self.names.pop(owner, None)
            if blob is not None:
                self.names[owner] = blob
                for visitor in self.present:
                    visitor.seen.add(blob)
            if before is not None and not self.is_named(before):
                self.graves.bury([before])

    @rule(target=visitors)
    def enter(self) -> Visitor:
        visitor = Visitor(self.graves.visit(), set(self.names.values()))
        self.present.append(visitor)
        return visitor

    @rule(visitor=visitors)
    def make(self, visitor: Visitor) -> None:
        blob = f"blob{len(self.made)}"
        self.made.add(blob)
        visitor.made.add(blob)

    @rule(visitor=visitors, owner=st.sampled_from("abc"), data=st.data())
    def name_what_it_made_or_saw(self, visitor: Visitor, owner: str, data: st.DataObject) -> None:
        known = sorted(visitor.made | visitor.seen)
        if known:
            blob = data.draw(st.sampled_from(known))
            assert blob not in self.removed
            self.put(owner, blob)

    @rule(owner=st.sampled_from("abc"))
    def take_away(self, owner: str) -> None:
        self.put(owner, None)

    @rule(visitor=consumes(visitors))
    def leave(self, visitor: Visitor) -> None:
        with self.lock:
            self.graves.bury([blob for blob in visitor.made if not self.is_named(blob)])
        self.present.remove(visitor)
        visitor.visit.leave()

    @rule(visitor=consumes(visitors), target=visitors)
    def leave_twice(self, visitor: Visitor) -> object:
        self.leave(visitor)
        visitor.visit.leave()
        return multiple()

    @invariant()
    def nothing_that_is_named_is_gone(self) -> None:
        assert not self.removed & set(self.names.values())

    def teardown(self) -> None:
        for visitor in list(self.present):
            self.leave(visitor)
        self.graves.sweep()
        assert self.removed == self.made - set(self.names.values())


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=150, stateful_step_count=30)


def graves(named: set[str], removed: list[str]) -> Graves:
    return Graves(threading.RLock(), named.__contains__, removed.extend)


def test_visit_that_is_kept_goes_on_after_its_context() -> None:
    removed: list[str] = []
    them = graves(set(), removed)
    with them.visit() as visit:
        leave = visit.keep()
    them.bury(["blob"])
    them.sweep()
    assert removed == []
    leave()
    assert removed == ["blob"]


def test_visit_that_is_kept_ends_with_a_context_that_fails() -> None:
    removed: list[str] = []
    them = graves(set(), removed)

    def fail() -> None:
        with them.visit() as visit:
            visit.keep()
            them.bury(["blob"])
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        fail()
    assert removed == ["blob"]


def test_what_is_forgotten_is_not_removed() -> None:
    removed: list[str] = []
    them = graves(set(), removed)
    them.bury(["blob"])
    them.clear()
    them.sweep()
    assert removed == []


def test_blob_that_was_named_again_is_removed_when_it_dies_again() -> None:
    named, removed = {"blob"}, list[str]()
    them = graves(named, removed)
    them.bury(["blob"])
    them.sweep()
    assert removed == []
    named.clear()
    them.bury(["blob"])
    them.sweep()
    assert removed == ["blob"]
