"""Parts of an upload, put where they will lie in the whole."""

from __future__ import annotations

import errno
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.assembly import Assemblies
from emulator.objects.blobs import Blobs
from emulator.objects.body import Body, Segment, joined
from emulator.objects.reading import BodyFile


class NoRows:
    def blob(self, name: str) -> bytes | None:
        return None


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    return Blobs(tmp_path_factory.mktemp("objects"), NoRows())


def sent(blobs: Blobs, assemblies: Assemblies, upload: str, number: int, data: bytes) -> Body:
    blob, offset = assemblies.place(upload, number, len(data))
    return (Segment(blob, offset, blobs.fill(blob, offset, io.BytesIO(data))),)


def content(blobs: Blobs, body: Body) -> bytes:
    with BodyFile(blobs, body) as file:
        return file.read()


parts = st.tuples(st.integers(1, 8), st.binary(min_size=1, max_size=40))


@given(st.lists(parts, min_size=1, max_size=16))
def test_parts_in_any_order_and_size_sent_once_or_often_give_the_bytes_sent_last(
    blobs: Blobs, sequence: list[tuple[int, bytes]]
) -> None:
    assemblies, bodies, last = Assemblies(blobs), dict[int, Body](), dict[int, bytes]()
    for number, data in sequence:
        bodies[number], last[number] = sent(blobs, assemblies, "upload", number, data), data
    for number, data in last.items():
        assert content(blobs, bodies[number]) == data
    assert content(blobs, joined(bodies[number] for number in sorted(bodies))) == b"".join(
        last[number] for number in sorted(last)
    )


@given(st.permutations(range(1, 7)), st.integers(1, 9))
def test_equal_parts_with_a_shorter_last_one_are_one_segment(blobs: Blobs, order: list[int], rest: int) -> None:
    assemblies = Assemblies(blobs, unit=9)
    data = {number: bytes([number]) * (9 if number < 6 else rest) for number in order}
    bodies = {number: sent(blobs, assemblies, "upload", number, data[number]) for number in order}
    whole = assemblies.closed("upload", joined(bodies[number] for number in sorted(bodies)))
    assert len(whole) == 1
    assert content(blobs, whole) == b"".join(data[number] for number in sorted(data))


def test_last_part_that_finds_no_room_behind_the_others_stays_where_it_is(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assemblies = Assemblies(blobs, unit=9)
    tail = sent(blobs, assemblies, "upload", 2, b"end")
    whole = joined([sent(blobs, assemblies, "upload", 1, b"123456789"), tail])

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(blobs, "fill", full)
        assert assemblies.closed("upload", whole) == whole
    assert content(blobs, whole) == b"123456789end"


def test_last_part_is_not_put_where_another_part_is(blobs: Blobs) -> None:
    assemblies = Assemblies(blobs, unit=9)
    tail = sent(blobs, assemblies, "upload", 5, b"end")
    first = sent(blobs, assemblies, "upload", 1, b"123456789")
    other = sent(blobs, assemblies, "upload", 2, b"abcdefghi")
    whole = joined([first, tail])
    assert assemblies.closed("upload", whole) == whole
    assert content(blobs, other) == b"abcdefghi"


def test_part_that_would_lie_beyond_the_end_of_any_file_has_a_blob_of_its_own(blobs: Blobs) -> None:
    assemblies = Assemblies(blobs)
    first, _ = assemblies.place("upload", 1, 5 << 30)
    blob, offset = assemblies.place("upload", 10_000, 5 << 30)
    assert (blob != first, offset) == (True, 0)


def test_uploads_share_nothing(blobs: Blobs) -> None:
    assemblies = Assemblies(blobs)
    assert assemblies.place("one", 1, 10)[0] != assemblies.place("two", 1, 10)[0]


def test_upload_that_is_forgotten_begins_anew(blobs: Blobs) -> None:
    assemblies = Assemblies(blobs)
    before, _ = assemblies.place("upload", 1, 10)
    assemblies.forget("upload")
    assert assemblies.place("upload", 2, 10)[0] != before


def test_blob_that_is_about_to_be_removed_gets_no_more_parts(blobs: Blobs) -> None:
    assemblies = Assemblies(blobs)
    doomed, _ = assemblies.place("one", 1, 10)
    kept, _ = assemblies.place("two", 1, 10)
    assemblies.leave([doomed])
    assert assemblies.place("one", 2, 10)[0] != doomed
    assert assemblies.place("two", 2, 10) == (kept, 10)
