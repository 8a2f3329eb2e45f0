"""Pages of a list against a model that looks at every key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from moto.s3.models import FakeDeleteMarker, FakeKey

from emulator.cloud.s3.claims import blank
from emulator.cloud.s3.keys import IndexedKeys
from emulator.cloud.s3.listing import current, page

LETTERS = "a/b-é\U0001f600\U0010ffff\ue000 \n"
texts = st.text(LETTERS, max_size=5)
names = st.text(LETTERS, min_size=1, max_size=6)
delimiters = st.sampled_from(["", "", "/", "/", "-", "\U0010ffff", "/b", "aa"])


@dataclass
class Shown:
    keys: list[str]
    prefixes: list[str]
    last: str | None


def made(alive: set[str], dead: set[str]) -> IndexedKeys:
    """A store in which ``dead`` ones have a delete marker as their newest version."""
    keys = IndexedKeys()
    for name in sorted(alive | dead, key=hash):
        version: Any = blank(FakeKey)
        vars(version)["name"] = name
        keys[name] = version
        if name in dead:
            keys[name] = blank(FakeDeleteMarker)
    return keys


def entry(name: str, prefix: str, delimiter: str) -> tuple[str, bool]:
    """What a name is shown as, and whether that is a common prefix."""
    rest = name[len(prefix) :]
    head, found, _ = rest.partition(delimiter) if delimiter else (rest, "", "")
    return prefix + head + found, bool(found)


def model(alive: set[str], prefix: str, delimiter: str, after: str, most: int) -> Shown:
    """Everything that is shown behind ``after``, in S3's order, as far as a page goes."""
    below = [name for name in alive if name.startswith(prefix) and name > after]
    entries = {entry(name, prefix, delimiter) for name in below} - {(after, True)}
    ordered = sorted(entries, key=lambda each: each[0].encode())
    shown = ordered[:most]
    last = shown[-1][0] if shown and len(ordered) > most else None
    return Shown([name for name, common in shown if not common], [name for name, common in shown if common], last)


def listed(keys: IndexedKeys, prefix: str, delimiter: str, after: str, most: int) -> Shown:
    found = page(keys, prefix, delimiter, after, most)
    return Shown([key.name for key in found.keys], found.prefixes, found.last)


@given(st.sets(names, max_size=12), st.sets(names, max_size=4), texts, delimiters, texts, st.integers(0, 6))
def test_page_is_what_a_look_at_every_key_would_show(
    alive: set[str], dead: set[str], prefix: str, delimiter: str, after: str, most: int
) -> None:
    expected = model(alive - dead, prefix, delimiter, after, most)
    assert listed(made(alive, dead), prefix, delimiter, after, most) == expected


@given(st.sets(names, max_size=12), st.sets(names, max_size=4), st.data(), delimiters, st.integers(1, 4))
def test_pages_one_after_the_other_show_everything_once(
    alive: set[str], dead: set[str], data: st.DataObject, delimiter: str, most: int
) -> None:
    prefix = data.draw(st.sampled_from(sorted({name[:size] for name in {*alive, ""} for size in range(3)})))
    keys, after = made(alive, dead), ""
    found: list[str] = []
    while True:
        shown = listed(keys, prefix, delimiter, after, most)
        found += sorted([*shown.keys, *shown.prefixes])
        if shown.last is None:
            break
        after = shown.last
    whole = model(alive - dead, prefix, delimiter, "", 1000)
    assert found == sorted([*whole.keys, *whole.prefixes])


@given(st.sets(names, max_size=12), st.sets(names, max_size=4), texts)
def test_current_objects_below_a_prefix_are_shown_without_delete_markers(
    alive: set[str], dead: set[str], prefix: str
) -> None:
    expected = sorted(name for name in alive - dead if name.startswith(prefix))
    assert [key.name for key in current(made(alive, dead), prefix)] == expected


def test_list_that_starts_after_its_own_prefix_shows_what_is_below_it() -> None:
    assert listed(made({"a/", "a/b", "a/c/d"}, set()), "a/", "/", "a/", 10) == Shown(["a/b"], ["a/c/"], None)


def test_page_that_ends_with_the_prefix_itself_goes_on_below_it() -> None:
    keys = made({"a/", "a/b"}, set())
    assert listed(keys, "a/", "/", "", 1) == Shown(["a/"], [], "a/")
    assert listed(keys, "a/", "/", "a/", 1) == Shown(["a/b"], [], None)
