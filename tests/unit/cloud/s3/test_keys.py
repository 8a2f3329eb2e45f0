"""moto's store of keys with an index, against a dictionary that is sorted each time."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.s3.utils import _VersionedKeyStore

from emulator.cloud.s3.keys import IndexedKeys

names = st.sampled_from(["a", "b", "a/b", "ä", "\U0001f600", "\ue000", ""])
changes = st.lists(st.tuples(st.sampled_from(["set", "setlist", "pop", "load", "unload", "names"]), names), max_size=40)


class Version:
    """moto disposes of versions that it lets go."""

    def dispose(self) -> None: ...


def change(keys: IndexedKeys, kind: str, name: str) -> None:
    match kind:
        case "set":
            keys[name] = Version()
        case "setlist":
            keys.setlist(name, [Version(), Version()])
        case "load":
            keys.load([(name, [Version()])])
        case "unload":
            keys.unload(name)
        case "pop":
            with contextlib.suppress(KeyError):
                keys.pop(name)
        case _:
            keys.names()


@given(changes)
def test_names_are_those_that_are_there_in_the_order_of_their_bytes(taken: list[tuple[str, str]]) -> None:
    keys = IndexedKeys()
    for kind, name in taken:
        change(keys, kind, name)
    assert list(keys.names()) == sorted(keys, key=str.encode)


@given(changes)
def test_store_is_motos(taken: list[tuple[str, str]]) -> None:
    ours, theirs = IndexedKeys(), _VersionedKeyStore()
    for kind, name in taken:
        version = Version()
        for keys in (ours, theirs):
            match kind:
                case "set":
                    keys[name] = version
                case "setlist":
                    keys.setlist(name, [version])
                case "pop" if name in keys:
                    keys.pop(name)
    assert {name: ours.getlist(name) for name in ours} == {name: theirs.getlist(name) for name in theirs}
    assert [(name, ours.get(name)) for name in ours] == [(name, theirs.get(name)) for name in theirs]


def test_key_that_is_not_there_cannot_be_popped() -> None:
    with pytest.raises(KeyError):
        IndexedKeys().pop("a")


def test_key_whose_newest_version_is_no_object_can_be_popped() -> None:
    keys = IndexedKeys()
    marker: Any = object()  # a delete marker cannot be disposed of
    keys["a"] = marker
    keys.pop("a")
    assert list(keys.names()) == []


def test_names_that_were_handed_out_do_not_change() -> None:
    keys = IndexedKeys()
    keys["a"] = Version()
    before = keys.names()
    keys["b"] = Version()
    assert (list(before), list(keys.names())) == (["a"], ["a", "b"])


def test_index_is_right_after_many_threads_have_changed_it() -> None:
    keys = IndexedKeys()

    def work(seed: int) -> None:
        chosen = random.Random(seed)
        for _ in range(400):
            kind = chosen.choice(["set", "setlist", "pop", "load", "unload", "names"])
            change(keys, kind, f"{chosen.randrange(20):02}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(keys.names()) == sorted(keys)
