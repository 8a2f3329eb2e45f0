"""A body as a file: any way to read it gives the bytes it is made of."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.blobs import SMALL, Blobs
from emulator.objects.body import Body, Segment, cut, joined, size_of
from emulator.objects.port import Damaged
from emulator.objects.reading import BodyFile, place


class NoRows:
    def blob(self, name: str) -> bytes | None:
        return None


LARGE = bytes(range(256)) * 100
SMALLER = bytes(range(255, -1, -1))


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    return Blobs(tmp_path_factory.mktemp("objects"), NoRows())


@pytest.fixture(scope="session")
def sources(blobs: Blobs) -> list[tuple[Segment, bytes]]:
    """A file and a small blob, with their bytes."""
    return [(blobs.save(io.BytesIO(data))[0], data) for data in (LARGE, SMALLER)]


pieces = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 255), st.integers(1, 255)), max_size=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 400)),
        st.tuples(st.just("readinto"), st.integers(0, 400)),
        st.tuples(st.just("set"), st.integers(0, 900)),
        st.tuples(st.just("end"), st.integers(-20, 20)),
    ),
    max_size=12,
)


def made(sources: list[tuple[Segment, bytes]], chosen: list[tuple[int, int, int]]) -> tuple[Body, bytes]:
    bodies = [cut((sources[which][0],), start, start + size) for which, start, size in chosen]
    return joined(bodies), b"".join(sources[which][1][start : start + size] for which, start, size in chosen)


def done(file: io.RawIOBase | io.BytesIO, step: str, number: int) -> object:
    match step:
        case "read":
            return file.read(number)
        case "readinto":
            buffer = bytearray(number)
            # A raw file may give less than was asked for: the rest is asked for again.
            size = 0
            while size < number and (more := file.readinto(memoryview(buffer)[size:])):
                size += more
            return bytes(buffer[:size]), file.tell()
        case "set":
            return file.seek(number)
        case _:
            return file.seek(max(number, -file.seek(0, io.SEEK_END)), io.SEEK_END)


@given(pieces, steps)
def test_reading_and_seeking_are_those_of_a_file_with_the_same_bytes(
    blobs: Blobs, sources: list[tuple[Segment, bytes]], chosen: list[tuple[int, int, int]], taken: list[tuple[str, int]]
) -> None:
    body, data = made(sources, chosen)
    expected = io.BytesIO(data)
    with io.BufferedReader(BodyFile(blobs, body)) as file:
        for step, number in taken:
            assert done(file, step, number) == done(expected, step, number)  # type: ignore[arg-type]


@given(pieces)
def test_placed_file_has_the_bytes(
    blobs: Blobs, sources: list[tuple[Segment, bytes]], chosen: list[tuple[int, int, int]]
) -> None:
    body, data = made(sources, chosen)
    target = blobs.path("target")
    target.parent.mkdir(exist_ok=True)
    place(blobs, body, target, shared=False)
    assert target.read_bytes() == data
    target.unlink()


def test_position_before_the_first_byte_is_refused(blobs: Blobs) -> None:
    with BodyFile(blobs, blobs.keep(b"abc")) as file, pytest.raises(ValueError, match="before the first byte"):
        file.seek(-1)


def test_end_of_the_file_is_told_once_however_often_it_is_closed(blobs: Blobs) -> None:
    told: list[bool] = []
    file = BodyFile(blobs, blobs.keep(b"abc"), lambda: told.append(True))
    file.close()
    file.close()
    assert told == [True]


def test_file_that_cannot_be_opened_is_told_to_be_closed(blobs: Blobs) -> None:
    told: list[bool] = []
    with pytest.raises(Damaged):
        BodyFile(blobs, (Segment("missing", 0, 1),), lambda: told.append(True))
    assert told == [True]


@pytest.mark.parametrize("second", ["~gone", "gone"])
def test_blob_that_is_missed_late_is_noticed_at_the_beginning(blobs: Blobs, second: str) -> None:
    with pytest.raises(Damaged, match="is gone"):
        BodyFile(blobs, (*blobs.keep(b"abc"), Segment(second, 0, 1)))


def test_file_that_shrinks_while_it_is_read_is_damage_not_an_end(blobs: Blobs) -> None:
    body = blobs.save(io.BytesIO(bytes(SMALL * 2)))
    with BodyFile(blobs, body) as file:
        assert len(file.read(10)) == 10
        with blobs.path(body[0].blob).open("r+b") as stored:
            stored.truncate(10)
        with pytest.raises(Damaged, match="end early"):
            file.read(10)


@pytest.mark.parametrize("shared", [False, True])
def test_damaged_body_leaves_no_file_where_it_was_to_be_placed(blobs: Blobs, tmp_path: Path, shared: bool) -> None:
    for body in ((Segment("gone", 0, 1),), (*blobs.keep(b"abc"), Segment("gone", 0, 1))):
        with pytest.raises(Damaged):
            place(blobs, body, tmp_path / "target", shared=shared)
        assert not (tmp_path / "target").exists()


def test_placed_file_is_not_made_over_another(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        place(blobs, blobs.keep(b"abc"), tmp_path / "target", shared=False)
    assert (tmp_path / "target").read_bytes() == b"mine"


def test_size_is_that_of_the_segments(blobs: Blobs, sources: list[tuple[Segment, bytes]]) -> None:
    body, data = made(sources, [(0, 3, 10), (1, 0, 5)])
    assert size_of(body) == len(data) == 15
