"""Turns: changes of one key come one after the other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.s3.models import S3Backend

from emulator.cloud.s3 import naming
from emulator.cloud.s3.turns import Turns
from tests.unit.cloud.s3.wire import BUCKET, Store, code_of

PATIENCE = 30


class Counter:
    """Loses a count as soon as two threads count at once."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        before = self.count
        time.sleep(0)  # lets another thread run, if there is one that may
        self.count = before + 1


def counted(turns: Turns, keys: list[str]) -> int:
    """What threads count that change the keys of one of ``keys`` each, set apart by spaces."""
    counter = Counter()

    def change(names: str) -> None:
        for _ in range(200):
            with turns.of("bucket", names.split()):
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


def test_changes_of_some_keys_wait_for_each_other_in_whatever_order_they_name_them() -> None:
    assert counted(Turns(), ["k a b c", "c b a k", "k", "a k"]) == 800


def test_turn_within_a_turn_of_the_same_thread_is_had_at_once() -> None:
    turns = Turns()
    with turns.of("bucket"), turns.of("bucket", ["k"]), turns.of("bucket", ["k"]):
        pass


class Stuck:
    """A change of one key that has its turn and does not end before the end of the ``with``."""

    def __init__(self, store: Store, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._begun, self._go = threading.Event(), threading.Event()
        original = S3Backend.put_object_acl

        def put_object_acl(*args: Any, **kwargs: Any) -> Any:
            self._begun.set()
            assert self._go.wait(PATIENCE)
            return original(*args, **kwargs)

        monkeypatch.setattr(S3Backend, "put_object_acl", put_object_acl)
        self._change = lambda: store.client().put_object_acl(Bucket=BUCKET, Key=key, ACL="private")

    def __enter__(self) -> None:
        self._pool = ThreadPoolExecutor()
        self._done = self._pool.submit(self._change)
        assert self._begun.wait(PATIENCE)

    def __exit__(self, *_failed: object) -> None:
        self._go.set()
        self._pool.shutdown()
        self._done.result()


def elsewhere(key: str) -> str:
    """A key that does not share the turn of ``key``."""
    place = hash((BUCKET, key)) % 256
    return next(name for name in map(str, range(1000)) if hash((BUCKET, name)) % 256 != place)


def test_deletion_waits_for_none_but_the_keys_that_it_names(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = elsewhere("k")
    for key in ("k", other):
        store.s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    with Stuck(store, "k", monkeypatch):
        reply = store.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": other}]})
        assert [item["Key"] for item in reply["Deleted"]] == [other]
        assert store.names() == ["k"]


def test_deletion_that_waits_for_its_key_holds_up_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = elsewhere("k")
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    received = threading.Event()
    original = naming.receive

    def receive(environ: dict[str, Any]) -> None:
        original(environ)
        received.set()

    monkeypatch.setattr(naming, "receive", receive)
    with ThreadPoolExecutor() as pool, Stuck(store, "k", monkeypatch):
        deletion = pool.submit(store.client().delete_objects, Bucket=BUCKET, Delete={"Objects": [{"Key": "k"}]})
        assert received.wait(PATIENCE)
        store.s3.put_object(Bucket=BUCKET, Key=other, Body=b"1")
        assert not deletion.done()
    assert store.names() == [other]


def test_form_waits_for_none_but_its_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = elsewhere("k")
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    with Stuck(store, "k", monkeypatch):
        reply = store.send("POST", "", data={"key": other}, files={"file": b"2"})
        assert (reply.status_code, store.body(other)) == (204, b"2")


@pytest.mark.parametrize("key", [" a ", "a&<b>", "a/ü", "a+b%20"])
def test_deletion_finds_keys_of_every_kind(store: Store, key: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    store.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})
    assert store.names() == []


def test_deletion_sent_in_chunks_is_read_whole(store: Store) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    pieces = [b"<Delete><Object>", b"<Key>k</Key>", b"</Object></Delete>"]
    assert store.send("POST", "?delete", data=iter(pieces)).status_code == 200
    assert store.names() == []


def test_deletion_that_is_larger_than_a_thousand_keys_is_refused(store: Store) -> None:
    reply = store.send("POST", "?delete", data=b" " * (naming.LARGEST + 1))
    assert code_of(reply) == (400, "MaxMessageLengthExceeded")
