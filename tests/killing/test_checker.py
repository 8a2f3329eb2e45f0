"""The checker of the kill loop: it lets pass what may be, and finds each fault it is there for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.killing.checker import Seen, faults, settle, strays
from tests.killing.journal import Content, Journal, Key, State, Upload, Version
from tests.killing.looking import look
from tests.killing.writer import PLAIN
from tests.mounted import mounted

KEY = Key(PLAIN, "k")
ETAG = "0123456789abcdef"


def content(write: str, **members: Any) -> Content:
    md5 = hashlib.md5(write.encode()).hexdigest()
    known = {"sha256": f"sha-{write}", "md5": md5, "size": len(write), "etags": frozenset([md5])}
    return Content(write, **{**known, **members})


def written(write: str, **members: Any) -> State:
    return (Version(content(write, **members)),)


def wrote(journal: Journal, after: State, key: Key = KEY, upload: str | None = None) -> None:
    journal.acknowledge(journal.begin(key, after, upload))


def shown(state: State, key: Key = KEY, **members: Any) -> Seen:
    """What is seen of one key, with the listing that belongs to it."""
    current = state[0].content if state else None
    listed = {} if current is None else {key: (next(iter(current.etags)), current.size)}
    return Seen(**{"states": {key: state}, "listed": listed, **members})


@pytest.fixture
def journal() -> Journal:
    """The key was written twice; both were acknowledged."""
    known = Journal()
    wrote(known, written("old"))
    wrote(known, written("new"))
    return known


def test_what_was_acknowledged_last_is_no_fault(journal: Journal) -> None:
    assert faults(journal, shown(written("new"))) == []


LOSSES: dict[str, State] = {
    "lost": (),
    "an older write": written("old"),
    "another's bytes": written("new", sha256="sha-old"),
    "cut short": written("new", size=2),
    "another's ETag": written("new", etags=frozenset(["of old"])),
    "another's metadata": (Version(replace(content("new"), write="old")),),
    "another's tags": written("new", tags=frozenset([("a", "b")])),
    "both": (*written("new"), *written("old")),
    "a delete marker": (Version(None, "id"),),
}


@pytest.mark.parametrize("name", LOSSES)
def test_anything_else_is_a_fault(journal: Journal, name: str) -> None:
    assert len(faults(journal, shown(LOSSES[name]))) == 1


def test_a_write_under_way_may_have_happened_or_not_and_nothing_between(journal: Journal) -> None:
    journal.begin(KEY, written("third"))
    assert faults(journal, shown(written("new"))) == []
    assert faults(journal, shown(written("third"))) == []
    assert faults(journal, shown(())) != []
    assert faults(journal, shown(written("third", sha256="sha-new"))) != []


def test_a_deleted_object_that_comes_back_is_a_fault(journal: Journal) -> None:
    wrote(journal, ())
    assert faults(journal, shown(())) == []
    assert faults(journal, shown(written("new"))) != []


def test_what_did_not_happen_does_not_happen_later(journal: Journal) -> None:
    journal.begin(KEY, written("third"))
    settle(journal, shown(written("new")))
    assert faults(journal, shown(written("new"))) == []
    assert faults(journal, shown(written("third"))) != []


def test_of_two_writes_at_the_same_time_either_may_be_the_last(journal: Journal) -> None:
    one, other = journal.begin(KEY, written("one")), journal.begin(KEY, written("other"))
    journal.acknowledge(one)
    journal.acknowledge(other)
    assert faults(journal, shown(written("one"))) == []
    assert faults(journal, shown(written("other"))) == []
    assert faults(journal, shown(written("new"))) != []


def test_an_object_that_is_not_listed_or_listed_otherwise_is_a_fault(journal: Journal) -> None:
    good = shown(written("new"))
    assert len(faults(journal, Seen(good.states, {}))) == 1
    assert len(faults(journal, Seen(good.states, {KEY: ("another", 3)}))) == 1
    assert len(faults(journal, Seen(good.states, good.listed | {Key(PLAIN, "nobody's"): ("x", 1)}))) == 1


def test_the_listing_is_checked_for_keys_that_were_not_read(journal: Journal) -> None:
    assert faults(journal, Seen({}, shown(written("new")).listed)) == []
    assert len(faults(journal, Seen({}, shown(written("old")).listed))) == 1


VERSIONS: State = (Version(content("c"), "3"), Version(None, "2"), Version(content("a"), "1"))
WRONG_VERSIONS: dict[str, State] = {
    "one is lost": VERSIONS[:2],
    "the marker is gone": (VERSIONS[0], VERSIONS[2]),
    "another is the current one": (VERSIONS[2], VERSIONS[1], VERSIONS[0]),
    "an id is another's": (*VERSIONS[:2], Version(content("a"), "2")),
    "one came back": (*VERSIONS, Version(content("b"), "0")),
}


@pytest.mark.parametrize("name", WRONG_VERSIONS)
def test_versions_are_all_there_and_no_more(name: str) -> None:
    journal = Journal()
    wrote(journal, VERSIONS)
    assert faults(journal, shown((VERSIONS[0], VERSIONS[2], VERSIONS[1]))) == []
    assert faults(journal, shown(WRONG_VERSIONS[name])) != []


def test_after_a_look_the_version_below_the_current_one_is_the_next(journal: Journal) -> None:
    wrote(journal, VERSIONS)
    settle(journal, shown((VERSIONS[0], VERSIONS[2], VERSIONS[1])))  # markers are listed after all others
    assert journal.current(KEY) == VERSIONS


def uploading(journal: Journal) -> Upload:
    """An open upload of which one part was acknowledged and one sent."""
    upload = Upload(KEY, "up", "joined", {1: 0, 2: 0}, {1: "first", 2: "second"}, {1})
    journal.uploads[upload.id] = upload
    return upload


def open_with(parts: dict[int, str], state: State) -> Seen:
    return shown(state, uploads={"up": (KEY, parts)})


def test_an_upload_keeps_the_parts_that_were_acknowledged(journal: Journal) -> None:
    uploading(journal)
    now = written("new")
    assert faults(journal, open_with({1: "first"}, now)) == []
    assert faults(journal, open_with({1: "first", 2: "second"}, now)) == []
    assert len(faults(journal, open_with({}, now))) == 1
    assert len(faults(journal, open_with({1: "torn"}, now))) == 1
    assert len(faults(journal, shown(now))) == 1


def test_an_upload_that_was_ended_does_not_come_back(journal: Journal) -> None:
    assert len(faults(journal, open_with({1: "first"}, written("new")))) == 1


def test_an_upload_whose_id_nobody_was_told_is_a_stray_and_no_fault(journal: Journal) -> None:
    journal.starting.add(KEY)
    seen = open_with({}, written("new"))
    assert faults(journal, seen) == []
    assert strays(journal, seen) == {"up": KEY}


def test_a_complete_that_was_not_answered_happened_whole_or_not_at_all(journal: Journal) -> None:
    upload = uploading(journal)
    upload.ending = True
    journal.begin(KEY, written("joined"), upload.id)
    parts = {1: "first", 2: "second"}
    assert faults(journal, open_with(parts, written("new"))) == []
    assert faults(journal, shown(written("joined"))) == []
    assert len(faults(journal, open_with(parts, written("joined")))) == 1
    assert len(faults(journal, shown(written("new")))) == 1


def test_after_a_look_an_upload_that_is_still_open_must_stay_open(journal: Journal) -> None:
    upload = uploading(journal)
    upload.ending = True
    settle(journal, open_with({1: "first", 2: "second"}, written("new")))
    assert upload.sure == {1, 2}
    assert len(faults(journal, shown(written("new")))) == 1


TAMPERINGS: dict[str, Callable[[Any], object]] = {
    "lost": lambda s3: s3.delete_object(Bucket=PLAIN, Key="k"),
    "replaced": lambda s3: s3.put_object(Bucket=PLAIN, Key="k", Body=b"nets", Metadata={"write": "1"}),
    "under another's name": lambda s3: s3.put_object(Bucket=PLAIN, Key="k", Body=b"sent", Metadata={"write": "2"}),
    "tagged": lambda s3: s3.put_object_tagging(Bucket=PLAIN, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
    "doubled": lambda s3: s3.put_object(Bucket=PLAIN, Key="k2", Body=b"sent"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_changed_behind_the_journal_is_found_over_the_wire(tmp_path: Path, name: str) -> None:
    md5 = hashlib.md5(b"sent").hexdigest()
    sent = Content("1", hashlib.sha256(b"sent").hexdigest(), md5, 4, frozenset([md5]))
    journal = Journal()
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=PLAIN)
        change = journal.begin(KEY, (Version(sent),))
        s3.put_object(Bucket=PLAIN, Key="k", Body=b"sent", Metadata={"write": "1"})
        journal.acknowledge(change)
        assert faults(journal, look(s3, [PLAIN], [KEY])) == []
        TAMPERINGS[name](s3)
        assert faults(journal, look(s3, [PLAIN], [KEY])) != []
