"""Blobs on disk, and small ones on their way to the catalogue."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

from emulator.objects.blobs import SMALL, Blobs
from emulator.objects.body import Body, Segment
from emulator.objects.port import Damaged
from emulator.objects.reading import BodyFile


class Rows(dict[str, bytes]):
    """A catalogue of small blobs."""

    def blob(self, name: str) -> bytes | None:
        return self.get(name)


class Broken(io.RawIOBase):
    """A source that fails after ``data``."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1, /) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        if not data:
            raise ConnectionError("gone")
        return data


class Drops(io.BytesIO):
    """A source that gives a few bytes at a time, as a socket does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000))


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def blobs(tmp_path: Path, rows: Rows) -> Blobs:
    return Blobs(tmp_path / "objects", rows)


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def content(blobs: Blobs, body: Body) -> bytes:
    with BodyFile(blobs, body) as file:
        return file.read()


@pytest.mark.parametrize("size", [1, SMALL - 1, SMALL, SMALL + 1, (1 << 20) + 1, 3 << 20])
@pytest.mark.parametrize("source", [io.BytesIO, Drops])
def test_what_was_saved_is_read_and_was_seen(blobs: Blobs, tmp_path: Path, size: int, source: type[io.BytesIO]) -> None:
    data, seen = bytes(range(251)) * (size // 251 + 1), bytearray()
    data = data[:size]
    body = blobs.save(source(data), seen.extend)
    assert (content(blobs, body), bytes(seen)) == (data, data)
    assert len(files(tmp_path)) == (size > SMALL)


def test_nothing_at_all_is_no_segment(blobs: Blobs, tmp_path: Path) -> None:
    assert blobs.save(io.BytesIO()) == ()
    assert (content(blobs, ()), files(tmp_path)) == (b"", [])


def test_source_that_fails_leaves_no_file(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        blobs.save(Broken(bytes(SMALL + 1)))
    assert files(tmp_path) == []


def test_small_blob_is_read_before_and_after_it_is_a_row(blobs: Blobs, rows: Rows) -> None:
    body = blobs.keep(b"small")
    name = body[0].blob
    assert list(blobs.waiting([name, "~other"])) == [(name, b"small")]
    rows.update(blobs.waiting([name]))
    blobs.settled([name])
    assert list(blobs.waiting([name])) == []
    assert content(blobs, body) == b"small"


def test_part_of_a_small_blob_is_read(blobs: Blobs) -> None:
    (whole,) = blobs.keep(b"0123456789")
    assert content(blobs, (Segment(whole.blob, 3, 4),)) == b"3456"


def test_small_blob_without_a_row_is_damage(blobs: Blobs) -> None:
    body = blobs.keep(b"small")
    blobs.settled([body[0].blob])
    with pytest.raises(Damaged, match=rf"damaged: the blob {body[0].blob} is gone"):
        BodyFile(blobs, body)


def test_missing_and_short_files_are_damage_that_says_what_is_wrong(blobs: Blobs) -> None:
    (gone,) = blobs.save(io.BytesIO(bytes(SMALL + 1)))
    (short,) = blobs.save(io.BytesIO(bytes(SMALL + 1)))
    blobs.path(gone.blob).unlink()
    with blobs.path(short.blob).open("r+b") as file:
        file.truncate(5)
    for body in ((gone,), (short, gone), (gone, short)):
        with pytest.raises(Damaged):
            blobs.check(body)
    with pytest.raises(Damaged, match=f"the blob {gone.blob} is gone"):
        blobs.open(gone)
    with pytest.raises(Damaged, match=f"the blob {short.blob} has 5 bytes where {SMALL + 1} were stored"):
        blobs.open(short)


def test_places_of_one_file_are_filled_at_once(blobs: Blobs) -> None:
    name, size = blobs.reserve(), 100_000
    datas = [bytes([number]) * size for number in range(8)]
    threads = [
        threading.Thread(target=blobs.fill, args=(name, number * size, Drops(data)))
        for number, data in enumerate(datas)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content(blobs, (Segment(name, 0, 8 * size),)) == b"".join(datas)


def test_open_file_is_read_after_its_blob_was_removed(blobs: Blobs) -> None:
    data = b"x" * (SMALL + 1)
    body = blobs.save(io.BytesIO(data))
    with BodyFile(blobs, body) as file:
        blobs.remove([body[0].blob])
        assert file.read() == data
    with pytest.raises(Damaged):
        BodyFile(blobs, body)


def test_removing_what_is_gone_is_no_error(blobs: Blobs) -> None:
    blobs.remove(["~small", blobs.reserve()])


def test_only_files_that_are_named_are_kept(blobs: Blobs, tmp_path: Path) -> None:
    (kept,) = blobs.save(io.BytesIO(bytes(SMALL + 1)))
    for _ in range(2):
        blobs.save(io.BytesIO(bytes(SMALL + 1)))
    assert blobs.keep_only({kept.blob}) == 2
    assert files(tmp_path) == [blobs.path(kept.blob)]


def test_nothing_is_left_once_all_is_cleared(blobs: Blobs, tmp_path: Path) -> None:
    body = blobs.keep(b"small")
    blobs.save(io.BytesIO(bytes(SMALL + 1)))
    blobs.clear()
    assert files(tmp_path) == []
    with pytest.raises(Damaged):
        BodyFile(blobs, body)
    assert content(blobs, blobs.save(io.BytesIO(bytes(SMALL + 1)))) == bytes(SMALL + 1)


def test_synced_blobs_are_the_same(tmp_path: Path, rows: Rows) -> None:
    blobs = Blobs(tmp_path / "objects", rows, synced=True)
    data = b"x" * (SMALL + 1)
    assert content(blobs, blobs.save(io.BytesIO(data))) == data


def test_files_are_open_to_every_user_inside_of_directories_that_are_closed(tmp_path: Path, rows: Rows) -> None:
    blobs = Blobs(tmp_path / "objects", rows)
    before = os.umask(0o022)
    try:
        (segment,) = blobs.save(io.BytesIO(bytes(SMALL + 1)))
    finally:
        os.umask(before)
    path = blobs.path(segment.blob)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o666, 0o700, 0o700]
