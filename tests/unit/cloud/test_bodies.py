"""Body files: written whole or not at all, removed only when nobody can be reading them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from emulator.cloud.bodies import Bodies, StoredBody


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*") if path.is_file()}


def test_saved_body_is_read_back_and_measured(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    content = b"line\n" * 500_000
    saved = bodies.save(io.BytesIO(content))
    with bodies.open(saved.ref) as file:
        assert file.read() == content
    assert (saved.size, saved.md5) == (len(content), hashlib.md5(content).hexdigest())


def test_body_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    class Broken:
        left = 2

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise OSError("gone")
            return b"x"

    with pytest.raises(OSError, match="gone"):
        Bodies(tmp_path).save(Broken())
    assert files(tmp_path) == set()


def test_buried_body_is_removed_at_once_when_nobody_reads(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    ref = bodies.save(io.BytesIO(b"x")).ref
    bodies.bury({ref})
    assert files(tmp_path) == set()


def test_buried_body_stays_until_every_reader_from_before_is_done(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    ref = bodies.save(io.BytesIO(b"x")).ref
    with bodies.reading():
        with bodies.reading():
            bodies.bury({ref})
            assert StoredBody(bodies, ref).read() == b"x"
        assert files(tmp_path) == {ref}
    assert files(tmp_path) == set()


def test_reader_that_came_after_the_burial_does_not_keep_it(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    ref = bodies.save(io.BytesIO(b"x")).ref
    early = bodies.reading()
    early.__enter__()
    bodies.bury({ref})
    with bodies.reading():
        early.__exit__(None, None, None)
        assert files(tmp_path) == set()


def test_only_named_bodies_are_kept(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    kept, dropped = (bodies.save(io.BytesIO(b"x")).ref for _ in range(2))
    bodies.keep_only({kept})
    assert files(tmp_path) == {kept}
    assert dropped != kept


def test_stored_body_reads_in_pieces_from_where_it_was_set(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    body = StoredBody(bodies, bodies.save(io.BytesIO(b"abcdef")).ref)
    body.seek(1)
    assert (body.read(2), body.read(2), body.read(), body.read()) == (b"bc", b"de", b"f", b"")


def test_body_that_is_gone_reads_as_empty_and_cannot_be_opened() -> None:
    gone = StoredBody(None, None)
    assert gone.read() == b""
    with pytest.raises(FileNotFoundError):
        gone.open()
