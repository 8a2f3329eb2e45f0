"""The catalogue: rows, the blobs they name, and what is left of a file that cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.cloud.catalogue import FORMAT, Catalogue, StateUnreadable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cloud.sqlite3"


@pytest.fixture
def catalogue(path: Path) -> Iterator[Catalogue]:
    found = Catalogue(path)
    yield found
    found.close()


def test_rows_are_read_as_they_were_written_also_by_the_next_process(path: Path, catalogue: Catalogue) -> None:
    with catalogue.transaction():
        catalogue.put_bucket("b", "111122223333", "aws", b"bucket")
        catalogue.put_object("b", "ü/k", b"object", {"x", "y"})
        catalogue.put_object("b", "a", b"other", set())
        catalogue.put_upload("b", "u", b"upload")
        catalogue.put_part("b", "u", 10, b"ten", {"p"})
        catalogue.put_part("b", "u", 9, b"nine", {"p"})
        catalogue.put_blob("~s", b"small")
        catalogue.sign("5.2.5")
    catalogue.close()
    found = Catalogue(path)
    assert list(found.buckets()) == [("b", "111122223333", "aws", b"bucket")]
    assert found.bucket("b") == ("111122223333", "aws", b"bucket")
    assert list(found.objects("b")) == [("a", b"other"), ("ü/k", b"object")]
    assert (found.object("b", "ü/k"), found.object("b", "none")) == (b"object", None)
    assert list(found.uploads("b")) == [("u", b"upload")]
    assert list(found.parts("b", "u")) == [(9, b"nine"), (10, b"ten")]
    assert (found.blob("~s"), found.blob("~t")) == (b"small", None)
    assert (found.meta("moto"), found.meta("format"), found.meta("none")) == ("5.2.5", FORMAT, None)
    assert found.named() == {"x", "y", "p"}
    found.close()


def test_transaction_that_fails_has_not_happened(catalogue: Catalogue) -> None:
    def fail() -> None:
        with catalogue.transaction():
            catalogue.put_object("b", "k", b"", {"x"})
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        fail()
    assert (catalogue.object("b", "k"), catalogue.named()) == (None, set())
    with catalogue.transaction() as lost:
        catalogue.put_object("b", "k", b"", {"y"})
    assert (lost, catalogue.named()) == (set(), {"y"})


def test_bucket_goes_with_all_that_is_in_it(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        for bucket in ("b", "c"):
            catalogue.put_bucket(bucket, "1", "aws", b"")
            catalogue.put_object(bucket, "k", b"", {f"{bucket}1"})
            catalogue.put_upload(bucket, "u", b"")
            catalogue.put_part(bucket, "u", 1, b"", {f"{bucket}2"})
    with catalogue.transaction() as lost:
        catalogue.drop_bucket("b")
    assert (lost, catalogue.named()) == ({"b1", "b2"}, {"c1", "c2"})
    assert [name for name, *_ in catalogue.buckets()] == ["c"]


owners = st.sampled_from(["k", "l", 1, 2])
changes = st.lists(st.tuples(owners, st.sets(st.sampled_from("xyz"), max_size=2) | st.none()), max_size=20)


@given(changes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blob_is_named_as_long_as_some_row_names_it(
    catalogue: Catalogue, taken: list[tuple[str | int, set[str] | None]]
) -> None:
    with catalogue.transaction():
        catalogue.clear()
    rows: dict[str | int, set[str]] = {}
    for owner, blobs in taken:
        before = rows.pop(owner, set())
        rows |= {} if blobs is None else {owner: blobs}
        with catalogue.transaction() as lost:
            match owner, blobs:
                case str(), None:
                    catalogue.drop_object("b", owner)
                case str(), _:
                    catalogue.put_object("b", owner, b"", blobs)
                case _, None:  # a part goes with its upload
                    catalogue.drop_upload("b", f"u{owner}")
                case _:
                    catalogue.put_part("b", f"u{owner}", 1, b"", blobs)
        named = set().union(*rows.values())
        assert lost == before - (blobs or set())
        assert catalogue.named() == named
        assert {blob for blob in "xyz" if catalogue.is_named(blob)} == named


def test_small_blobs_without_a_name_are_dropped(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        catalogue.put_blob("~named", b"1")
        catalogue.put_blob("~nameless", b"2")
        catalogue.put_object("b", "k", b"", {"~named"})
        catalogue.drop_nameless()
    assert (catalogue.blob("~named"), catalogue.blob("~nameless")) == (b"1", None)


def test_small_blob_is_read_while_another_thread_writes(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        catalogue.put_blob("~a", b"1")
    found: list[bytes | None] = []
    with catalogue.transaction():
        catalogue.put_blob("~b", b"2")
        thread = threading.Thread(target=lambda: found.extend([catalogue.blob("~a"), catalogue.blob("~b")]))
        thread.start()
        thread.join()
    assert found == [b"1", None]


def test_threads_that_end_leave_no_connection_behind(catalogue: Catalogue) -> None:
    for _ in range(20):
        thread = threading.Thread(target=catalogue.blob, args=("~a",))
        thread.start()
        thread.join()
    assert len(catalogue._readers) == 1


def test_everything_is_forgotten_at_once(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        catalogue.put_bucket("b", "1", "aws", b"")
        catalogue.put_object("b", "k", b"", {"~x"})
        catalogue.put_blob("~x", b"1")
        catalogue.sign("5.2.5")
        catalogue.clear()
    assert (list(catalogue.buckets()), catalogue.named(), catalogue.blob("~x"), catalogue.meta("moto")) == (
        [],
        set(),
        None,
        None,
    )


def test_damaged_file_is_refused_with_a_remedy_and_not_touched(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StateUnreadable, match=r"is damaged: .* Nothing was changed\. Put back a copy of it"):
        Catalogue(path)
    assert path.read_bytes() == b"no database at all" * 100


def test_file_of_another_format_is_refused_and_not_touched(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        db.execute("INSERT INTO meta VALUES ('format', '1')")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StateUnreadable, match=rf"format 1; this version of the emulator reads {FORMAT}\."):
        Catalogue(path)
    assert path.read_bytes() == before
