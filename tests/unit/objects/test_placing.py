"""Bytes at their place: by which means, whose they are then, and what is left when it goes wrong."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.objects import cloning
from emulator.objects.placing import How, Piece, place
from emulator.objects.port import Damaged

BLOCK = 1 << 20


@pytest.fixture(autouse=True)
def _nothing_is_known_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloning, "_unable", set())


@pytest.fixture
def without_reflinks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A file system that has none; the list counts how often it was asked."""
    asked: list[int] = []

    def refuse(*_: Any) -> int:
        asked.append(1)
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    return asked


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(b"0123456789")
    path.chmod(0o600)
    return path


def whole(path: Path) -> list[Piece]:
    return [Piece(path, 0, path.stat().st_size)]


def test_pieces_of_files_become_one_file(tmp_path: Path, blob: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"abcdef")
    pieces = [Piece(blob, 2, 3), Piece(other, 0, 6), Piece(blob, 9, 1), Piece(blob, 0, 0)]
    place(pieces, tmp_path / "target", shared=True)
    assert (tmp_path / "target").read_bytes() == b"234abcdef9"
    assert (tmp_path / "target").stat().st_nlink == 1


@pytest.mark.parametrize("shared", [False, True])
def test_no_bytes_are_an_empty_file_of_its_own(tmp_path: Path, shared: bool) -> None:
    assert place([], tmp_path / "target", shared=shared) is How.COPY
    assert (tmp_path / "target").read_bytes() == b""


@pytest.mark.usefixtures("without_reflinks")
def test_where_the_bytes_may_be_shared_a_whole_file_is_linked_as_it_is(tmp_path: Path, blob: Path) -> None:
    assert place(whole(blob), tmp_path / "target", shared=True) is How.LINK
    assert (tmp_path / "target").samefile(blob)
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600


@pytest.mark.usefixtures("without_reflinks")
@pytest.mark.parametrize("pieces", [lambda blob: [Piece(blob, 0, 9)], lambda blob: [Piece(blob, 1, 9)]])
def test_a_part_of_a_file_is_never_linked(tmp_path: Path, blob: Path, pieces: Callable[[Path], list[Piece]]) -> None:
    assert place(pieces(blob), tmp_path / "target", shared=True) is How.COPY
    assert len((tmp_path / "target").read_bytes()) == 9


@pytest.mark.usefixtures("without_reflinks")
def test_a_file_of_the_callers_own_can_be_written_without_changing_the_blob(tmp_path: Path, blob: Path) -> None:
    assert place(whole(blob), tmp_path / "target", shared=False) is How.COPY
    (tmp_path / "target").write_bytes(b"mine")
    (tmp_path / "target").chmod(0o777)
    assert blob.read_bytes() == b"0123456789"
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600


@pytest.mark.usefixtures("without_reflinks")
@pytest.mark.parametrize("number", [errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def test_what_cannot_be_linked_is_copied(
    tmp_path: Path, blob: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    assert place(whole(blob), tmp_path / "target", shared=True) is How.COPY
    assert (tmp_path / "target").read_bytes() == b"0123456789"


def test_a_file_system_without_reflinks_is_asked_once(tmp_path: Path, blob: Path, without_reflinks: list[int]) -> None:
    for number in range(5):
        place(whole(blob), tmp_path / f"target-{number}", shared=False)
    assert len(without_reflinks) == 1


def test_a_range_that_cannot_be_cloned_says_nothing_of_other_files(
    tmp_path: Path, blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([errno.EINVAL, 0])

    def clone_but_the_first(target: int, *_: Any) -> int:
        if number := next(answers):
            raise OSError(number, os.strerror(number))
        return os.write(target, blob.read_bytes())

    monkeypatch.setattr(fcntl, "ioctl", clone_but_the_first)
    assert place(whole(blob), tmp_path / "first", shared=False) is How.COPY
    assert place(whole(blob), tmp_path / "second", shared=False) is How.REFLINK
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes() == b"0123456789"


def test_a_disk_that_fills_up_while_cloning_is_told_and_leaves_nothing(
    tmp_path: Path, blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fcntl, "ioctl", full)
    with pytest.raises(OSError, match="No space left"):
        place(whole(blob), tmp_path / "target", shared=True)
    assert not (tmp_path / "target").exists()


@pytest.mark.usefixtures("without_reflinks")
@pytest.mark.parametrize("answer", [errno.EXDEV, errno.ENOSYS, errno.EINVAL, 0, None])
def test_what_the_kernel_does_not_copy_is_copied_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int | None
) -> None:
    def some(source: int, target: int, count: int, offset_src: int) -> int:
        if offset_src == 5:
            return os.write(target, os.pread(source, 7, offset_src))
        if answer:
            raise OSError(answer, os.strerror(answer))
        return 0

    if answer is None:  # another system than Linux
        monkeypatch.delattr(os, "copy_file_range")
    else:
        monkeypatch.setattr(os, "copy_file_range", some)
    content = os.urandom(3 * BLOCK + 17)
    (tmp_path / "large").write_bytes(content)
    place([Piece(tmp_path / "large", 5, len(content) - 5)], tmp_path / "target", shared=False)
    assert (tmp_path / "target").read_bytes() == content[5:]


@pytest.mark.usefixtures("without_reflinks")
def test_a_large_file_is_copied_without_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(200 * BLOCK)
    tracemalloc.start()
    place(whole(tmp_path / "large"), tmp_path / "target", shared=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "target").stat().st_size == 200 * BLOCK
    assert peak < 4 * BLOCK


@pytest.mark.parametrize("shared", [False, True])
def test_a_blob_that_is_too_short_or_missing_is_damage_and_leaves_nothing(
    tmp_path: Path, blob: Path, shared: bool
) -> None:
    for pieces in (
        [Piece(blob, 0, 11)],
        [Piece(blob, 0, 3), Piece(blob, 8, 3)],
        [Piece(blob, 0, 3), Piece(tmp_path / "missing", 0, 1)],
    ):
        with pytest.raises(Damaged, match="The stored bytes of the object are damaged"):
            place(pieces, tmp_path / "target", shared=shared)
        assert not (tmp_path / "target").exists()


@pytest.mark.usefixtures("without_reflinks")
def test_a_blob_that_shrinks_while_it_is_copied_is_damage_and_leaves_nothing(
    tmp_path: Path, blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrink(*_: Any, **__: Any) -> int:
        os.truncate(blob, 4)
        return 0

    monkeypatch.setattr(os, "copy_file_range", shrink, raising=False)
    with pytest.raises(Damaged):
        place(whole(blob), tmp_path / "target", shared=False)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_there_already_is_not_touched(tmp_path: Path, blob: Path, shared: bool) -> None:
    (tmp_path / "target").write_bytes(b"there")
    with pytest.raises(FileExistsError):
        place(whole(blob), tmp_path / "target", shared=shared)
    assert (tmp_path / "target").read_bytes() == b"there"


@pytest.fixture(params=[("mkfs.xfs", "-m", "reflink=1"), ("mkfs.btrfs",)], ids=["xfs", "btrfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A real file system with reflinks."""
    if os.getuid() != 0 or shutil.which(request.param[0]) is None:
        pytest.skip(f"{request.param[0]} and root are needed to mount a file system with reflinks")
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(400 * BLOCK)
    subprocess.run([*request.param, str(image)], check=True, capture_output=True)
    mounted.mkdir()
    if subprocess.run(["mount", "-o", "loop", str(image), str(mounted)], check=False).returncode != 0:
        pytest.skip("this machine mounts no loop devices")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def test_reflinks_cost_no_room_and_are_files_of_their_own(disk: Path) -> None:
    first, second = os.urandom(64 * BLOCK), os.urandom(8 * BLOCK + 11)
    (disk / "first").write_bytes(first)
    (disk / "second").write_bytes(second)
    os.sync()
    free = shutil.disk_usage(disk).free
    for number in range(3):
        joined = [*whole(disk / "first"), *whole(disk / "second")]
        assert place(joined, disk / f"joined-{number}", shared=True) is How.REFLINK
    os.sync()
    assert free - shutil.disk_usage(disk).free < 16 * BLOCK
    assert (disk / "joined-0").read_bytes() == first + second
    with (disk / "joined-0").open("r+b") as file:
        file.write(b"changed")
    assert (disk / "first").read_bytes() == first
    assert (disk / "joined-1").read_bytes() == first + second


def test_a_range_that_is_no_whole_number_of_blocks_is_copied(disk: Path) -> None:
    (disk / "blob").write_bytes(bytes(range(256)) * 100)
    assert place([Piece(disk / "blob", 3, 1000)], disk / "part", shared=False) is How.COPY
    assert (disk / "part").read_bytes() == (bytes(range(256)) * 100)[3:1003]
    assert place(whole(disk / "blob"), disk / "whole", shared=False) is How.REFLINK
