"""The contract every Store keeps, and what a killed process leaves behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from emulator.arns import Scope
from emulator.state.search import Anything, Every, Fact, Has, Search, Texts
from emulator.state.sql import SqlStore, WrongSchema
from emulator.state.store import AlreadyExists, Document, Key, Missing, Query, Resource, Transition

HERE = Scope("123456789012", "us-east-1")
ELSEWHERE = [Scope("999999999999", "us-east-1"), Scope("123456789012", "eu-west-1")]


def resource(name: str = "job", scope: Scope = HERE, uid: str | None = None, at: float = 100.0) -> Resource:
    return Resource(
        key=Key(scope, "training-job", name),
        uid=uid or f"{scope.account}{scope.region}{name}",
        arn=f"arn:aws:sagemaker:{scope.region}:{scope.account}:training-job/{name}",
        status="InProgress",
        created_at=at,
        modified_at=at,
        request={"TrainingJobName": name, "HyperParameters": {"eta": "0.1"}},
    )


class ByStatus:
    """Resources that can be found by their status and their request's texts."""

    def properties(self, resource: Resource) -> Document:
        return {"Status": resource.status, **resource.request.get("HyperParameters", {})}

    def facts(self, name: str, value: str) -> list[Fact]:
        return [Fact(name, value)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore.file(tmp_path / "state.db", findable=ByStatus())
    yield made
    made.close()


def test_a_resource_comes_back_as_it_was_put(store: SqlStore) -> None:
    store.insert(resource())
    assert store.get(resource().key) == resource()


def test_an_unknown_key_is_none(store: SqlStore) -> None:
    assert store.get(resource().key) is None


def test_a_second_resource_of_one_name_is_refused_with_the_first_ones_arn(store: SqlStore) -> None:
    store.insert(resource())
    with pytest.raises(AlreadyExists, match="training-job/job"):
        store.insert(resource(uid="other"))


@pytest.mark.parametrize("scope", ELSEWHERE)
def test_accounts_and_regions_do_not_see_each_other(store: SqlStore, scope: Scope) -> None:
    store.insert(resource())
    assert store.get(resource(scope=scope).key) is None
    store.insert(resource(scope=scope))
    store.delete(resource(scope=scope).key)
    assert store.get(resource().key) == resource()
    assert store.page(Query(scope, "training-job"), 10) == []


def test_a_change_and_its_transition_are_kept_together(store: SqlStore) -> None:
    store.insert(resource(), Transition(100.0, "Created"))
    changed = replace(resource(), status="Completed", state={"phase": "done"}, modified_at=101.0)
    store.save(changed, Transition(101.0, "Exited", {"code": 0}))
    assert store.get(changed.key) == changed
    assert store.history(changed) == [Transition(100.0, "Created"), Transition(101.0, "Exited", {"code": 0})]


def test_a_transition_that_cannot_be_stored_undoes_the_change(store: SqlStore) -> None:
    store.insert(resource())
    with pytest.raises(StatementError):
        store.save(replace(resource(), status="Completed"), Transition(1.0, "Bad", {"no": object()}))
    found = store.get(resource().key)
    assert found is not None
    assert found.status == "InProgress"


def test_saving_what_was_deleted_is_refused(store: SqlStore) -> None:
    with pytest.raises(Missing):
        store.save(resource())


def test_saving_an_older_incarnation_does_not_touch_its_successor(store: SqlStore) -> None:
    store.insert(resource(uid="first"))
    store.delete(resource().key)
    store.insert(resource(uid="second"))
    with pytest.raises(Missing):
        store.save(replace(resource(uid="first"), status="Failed"))
    assert store.get(resource().key) == resource(uid="second")


def test_deleting_takes_history_and_tags_along(store: SqlStore) -> None:
    store.insert(resource(), Transition(1.0, "Created"), {"team": "a"})
    store.delete(resource().key)
    store.insert(resource())
    assert store.history(resource()) == []
    assert store.tags(resource().arn) == {}


def test_tags_keep_their_order_are_overwritten_and_removed(store: SqlStore) -> None:
    store.insert(resource(), tags={"b": "1", "a": "2"})
    store.tag(resource().arn, {"b": "3", "c": "4"})
    assert list((store.tags(resource().arn) or {}).items()) == [("b", "3"), ("a", "2"), ("c", "4")]
    store.untag(resource().arn, ["a", "unknown"])
    assert store.tags(resource().arn) == {"b": "3", "c": "4"}


def test_tags_of_an_unknown_arn_are_none_and_cannot_be_set(store: SqlStore) -> None:
    assert store.tags("arn:none") is None
    with pytest.raises(Missing):
        store.tag("arn:none", {"a": "b"})


def test_scan_yields_every_scope_oldest_first(store: SqlStore) -> None:
    store.insert(resource("b", ELSEWHERE[0], at=2.0))
    store.insert(resource("a", at=1.0))
    assert [found.key.name for found in store.scan("training-job")] == ["a", "b"]
    assert list(store.scan("endpoint")) == []
    assert list(store.scan("training-job", {"Completed"})) == []
    assert len(list(store.scan("training-job", {"Completed", "InProgress"}))) == 2


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["name", "created_at", "status"])
def test_pages_cover_everything_once_in_order(store: SqlStore, sort: str, descending: bool) -> None:
    for index in range(25):
        store.insert(resource(f"job-{index:02}", at=float(index // 3)))
    query = Query(HERE, "training-job", sort=sort, descending=descending)  # type: ignore[arg-type]
    seen: list[Resource] = []
    while page := store.page(query, 4, _position(query, seen)):
        seen += page
    keys = [(getattr(found, sort) if sort != "name" else found.key.name, found.key.name) for found in seen]
    assert len(seen) == 25
    assert keys == sorted(keys, reverse=descending)


def _position(query: Query, seen: list[Resource]) -> tuple[object, str] | None:
    if not seen:
        return None
    last = seen[-1]
    return (last.key.name if query.sort == "name" else getattr(last, query.sort), last.key.name)


def test_filters_narrow_a_page(store: SqlStore) -> None:
    store.insert(resource("Alpha", at=1.0))
    store.insert(resource("beta%", at=2.0))
    store.insert(replace(resource("gamma", at=3.0), status="Failed", modified_at=9.0))

    def names(**filters: object) -> list[str]:
        return [found.key.name for found in store.page(Query(HERE, "training-job", **filters), 10)]  # type: ignore[arg-type]

    assert names(name_contains="ALPHA") == ["Alpha"]
    assert names(name_contains="%") == ["beta%"]
    assert names(status="Failed") == ["gamma"]
    assert names(created_after=1.0, created_before=3.0) == ["beta%"]
    assert names(modified_after=3.0) == ["gamma"]


def found(store: SqlStore, name: str, text: str, scope: Scope = HERE) -> list[str]:
    search = Search(scope, "training-job", Has(name, Texts(frozenset({text}))), "Status", descending=False)
    return [each.resource.key.name for each in store.search(search, 10)]


def test_a_page_can_ask_for_the_text_of_a_fact(store: SqlStore) -> None:
    store.insert(resource("a"))
    store.insert(replace(resource("b"), status="Failed"))
    page = store.page(Query(HERE, "training-job", texts={"Status": "Failed", "eta": "0.1"}), 10)
    assert [each.key.name for each in page] == ["b"]
    assert store.page(Query(HERE, "training-job", texts={"Pool": "Available"}), 10) == []


def test_a_resource_is_found_by_its_facts_as_they_are_now(store: SqlStore) -> None:
    store.insert(resource())
    store.save(replace(resource(), status="Completed"))
    assert found(store, "Status", "InProgress") == []
    assert found(store, "Status", "Completed") == ["job"]
    assert found(store, "eta", "0.1") == ["job"]
    assert found(store, "Status", "Completed", ELSEWHERE[0]) == []
    store.delete(resource().key)
    assert found(store, "Status", "Completed") == []


def test_a_resource_is_found_by_its_tags_as_they_are_now(store: SqlStore) -> None:
    store.insert(resource(), tags={"team": "a"})
    assert found(store, "Tags.team", "a") == ["job"]
    store.tag(resource().arn, {"team": "b", "stage": "dev"})
    store.save(replace(resource(), status="Completed"))
    assert found(store, "Tags.team", "a") == []
    assert found(store, "Tags.team", "b") == found(store, "Tags.stage", "dev") == ["job"]
    store.untag(resource().arn, ["team"])
    assert found(store, "Tags.team", "b") == []
    everything = Search(HERE, "training-job", Every(()), "Status")
    assert [each.tags for each in store.search(everything, 10)] == [{"stage": "dev"}]


def test_names_of_facts_are_told_as_long_as_a_resource_has_them(store: SqlStore) -> None:
    store.insert(resource(), tags={"team": "a", "te%": "b"})
    assert store.facts(HERE, "training-job", "Tags.te", 10) == ["Tags.te%", "Tags.team"]
    assert store.facts(HERE, "training-job", "Tags.te", 1) == ["Tags.te%"]
    assert store.facts(HERE, "training-job", "Tags.te%", 10) == ["Tags.te%"]
    store.delete(resource().key)
    assert store.facts(HERE, "training-job", "", 10) == []


def test_facts_of_a_change_that_was_undone_are_not_there(store: SqlStore) -> None:
    changed = replace(resource(), request={"HyperParameters": {"new": "x"}})
    store.insert(resource())
    with pytest.raises(StatementError):
        store.save(changed, Transition(1.0, "Bad", {"no": object()}))
    assert found(store, "new", "x") == []
    store.save(changed)
    assert found(store, "new", "x") == ["job"]


def test_pages_of_a_search_neither_double_nor_skip_while_others_come_and_go(store: SqlStore) -> None:
    for index in range(6):
        store.insert(resource(f"job-{index}"))
    search = Search(HERE, "training-job", Has("eta", Anything()), "eta")
    first = store.search(search, 2)
    store.delete(first[-1].resource.key)
    store.insert(resource("late"))
    rest = store.search(search, 10, first[-1].mark)
    assert [each.resource.key.name for each in (*first, *rest)] == [f"job-{index}" for index in reversed(range(6))]


def test_clear_forgets_everything(store: SqlStore) -> None:
    store.insert(resource(), Transition(1.0, "Created"), {"a": "b"})
    store.clear()
    assert store.get(resource().key) is None
    assert found(store, "Status", "InProgress") == []
    store.insert(resource())
    assert found(store, "Status", "InProgress") == ["job"]


FIRST_SCHEMA = """
CREATE TABLE about (schema_version INTEGER NOT NULL);
INSERT INTO about VALUES (1);
CREATE TABLE resource (
    uid VARCHAR(32) PRIMARY KEY, account VARCHAR(12) NOT NULL, region VARCHAR(32) NOT NULL, noun VARCHAR(64) NOT NULL,
    name VARCHAR(256) NOT NULL, arn VARCHAR(512) NOT NULL, status VARCHAR(32) NOT NULL, created_at FLOAT NOT NULL,
    modified_at FLOAT NOT NULL, request JSON NOT NULL, state JSON NOT NULL, UNIQUE (account, region, noun, name)
);
CREATE INDEX resource_by_arn ON resource (arn);
CREATE INDEX resource_by_noun ON resource (noun, created_at);
CREATE TABLE tag (
    uid VARCHAR(32) NOT NULL REFERENCES resource (uid) ON DELETE CASCADE, position INTEGER NOT NULL,
    "key" VARCHAR(128) NOT NULL, value VARCHAR(256) NOT NULL, PRIMARY KEY (uid, "key")
);
INSERT INTO resource VALUES
    ('u1', '123456789012', 'us-east-1', 'training-job', 'old', 'arn:old', 'Failed', 1.0, 2.0, '{}', '{}'),
    ('u2', '123456789012', 'us-east-1', 'training-job', 'older', 'arn:older', 'Failed', 0.5, 2.0, '{}', '{}');
INSERT INTO tag VALUES ('u1', 1, 'team', 'a');
"""


def test_what_the_first_schema_has_can_be_found_and_changed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_SCHEMA)
    connection.close()
    SqlStore.file(path).close()  # somebody who searches for nothing, as the check of a snapshot
    store = SqlStore.file(path, findable=ByStatus())
    assert found(store, "Status", "Failed") == ["older", "old"]
    assert found(store, "Tags.team", "a") == ["old"]
    store.insert(resource())
    store.delete(Key(HERE, "training-job", "old"))
    assert found(store, "Status", "Failed") == ["older"]
    assert found(store, "Status", "InProgress") == ["job"]
    store.close()


def test_a_database_of_another_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    SqlStore.file(tmp_path / "state.db").close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE about SET schema_version = 99")
    connection.close()
    with pytest.raises(WrongSchema, match="--data-dir"):
        SqlStore.file(tmp_path / "state.db")


WRITER = """
import sys
from pathlib import Path
from tests.contract.test_store import resource
from emulator.state.sql import SqlStore
store = SqlStore.file(Path(sys.argv[1]))
for index in range(10_000):
    store.insert(resource(f"job-{index}"))
    print(index, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    store = SqlStore.file(path)
    assert [index for index in acknowledged if store.get(resource(f"job-{index}").key) is None] == []
    store.close()


@pytest.mark.parametrize(("synced", "level"), [(False, 1), (True, 2)])
def test_the_disk_is_waited_for_only_where_that_is_asked(tmp_path: Path, synced: bool, level: int) -> None:
    made = SqlStore.file(tmp_path / "state.db", synced=synced)
    with made._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
    made.close()
