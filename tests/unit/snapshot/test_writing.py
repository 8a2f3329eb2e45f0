"""The file of a snapshot is written whole, or not at all."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.snapshot import SnapshotError, write


def broken() -> Iterator[bytes]:
    yield b"the beginning"
    raise SnapshotError("the rest is lost")


def test_it_is_its_users_alone_and_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "state"
    target.write_bytes(b"before")
    said: list[int] = []
    assert write([b"one", b"two"], target, said.append) == 6
    assert target.read_bytes() == b"onetwo"
    assert target.stat().st_mode & 0o777 == 0o600
    assert said == [3, 6]


@pytest.mark.parametrize("before", [None, b"before"])
def test_what_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path, before: bytes | None) -> None:
    target = tmp_path / "state"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(SnapshotError, match="the rest is lost"):
        write(broken(), target)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot be written: No such file or directory"):
        write([b"x"], tmp_path / "nowhere" / "state")


def test_what_is_no_ordinary_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SnapshotError, match="is no ordinary file"):
        write([b"x"], tmp_path / "pipe")
    assert [path.is_fifo() for path in tmp_path.iterdir()] == [True]


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limit[1]))  # for a file of this process, a disk that is full
    try:
        with pytest.raises(SnapshotError, match="cannot be written: File too large"):
            write([b"x" * (1 << 20)], tmp_path / "state")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []
