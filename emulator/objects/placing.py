"""Putting an object's bytes where a job wants them, by the cheapest means that the file system has.

The first of these that works:

1. a **reflink**: the file is the caller's own and shares its blocks with the blob until one of the two is written;
2. where the caller may be given the stored bytes themselves (``shared``), a **hard link** to the blob;
3. a **copy**, made by the kernel where it can.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from emulator.objects import cloning
from emulator.objects.port import Damaged

# What one call asks of the kernel: much at once, but not so much that nothing else gets a turn.
_ASKED = 256 << 20

# What passes through memory where the kernel does not copy by itself.
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """``size`` bytes of the file ``path``, from ``offset`` on."""

    path: Path
    offset: int
    size: int


class How(Enum):
    """By what means bytes were placed."""

    REFLINK = "reflink"
    LINK = "link"
    COPY = "copy"


def place(pieces: Sequence[Piece], target: Path, *, shared: bool) -> How:
    """Make the file ``target``, where nothing is yet, hold the bytes of ``pieces``, one after the other.

    The file is the caller's own, unless ``shared`` lets it be one of the pieces itself, which nobody may write to.
    Raises `Damaged` for a piece that is shorter than it should be, and OSError for what the file system refuses,
    `FileExistsError` among it. A file that was begun is removed then.
    """
    filled = [piece for piece in pieces if piece.size]
    whole = [_is_whole(piece) for piece in filled]
    if filled and _clone(filled, target):
        return How.REFLINK
    if shared and whole == [True] and _link(filled[0].path, target):
        return How.LINK
    with _made(target) as descriptor:
        for piece in filled:
            _copy(piece, descriptor)
    return How.COPY


def _is_whole(piece: Piece) -> bool:
    """Whether the piece is all of its file. Raises `Damaged` when the file has less than that."""
    try:
        there = piece.path.stat().st_size
    except FileNotFoundError:
        raise Damaged(f"the file {piece.path.name} is missing or too short") from None
    if there < piece.offset + piece.size:
        raise Damaged(f"the file {piece.path.name} is missing or too short")
    return piece.size == there


def _clone(pieces: Sequence[Piece], target: Path) -> bool:
    """Whether every piece could be cloned; else ``target`` is not there."""
    if not all(cloning.worth_trying(piece.path, target.parent) for piece in pieces):
        return False
    try:
        with _made(target) as descriptor:
            position = 0
            for piece in pieces:
                with _opened(piece.path) as source:
                    cloning.clone(source, piece.offset, piece.size, descriptor, position)
                position += piece.size
    except cloning.NotCloned:
        return False
    return True


def _link(path: Path, target: Path) -> bool:
    """Whether ``target`` could become another name of ``path``: they may be on two disks, or the names be too many."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _copy(piece: Piece, target: int) -> None:
    """Append a piece to the file that is open as ``target``."""
    with _opened(piece.path) as source:
        done = _copy_in_kernel(source, piece.offset, piece.size, target)
        while done < piece.size:
            block = os.pread(source, min(_CHUNK, piece.size - done), piece.offset + done)
            if not block:
                raise Damaged(f"the file {piece.path.name} is missing or too short")
            done += _write(target, block)


def _copy_in_kernel(source: int, offset: int, size: int, target: int) -> int:
    """How many bytes the kernel appended: all, or fewer where it cannot (other systems, two kinds of file systems)."""
    done = 0
    if not hasattr(os, "copy_file_range"):
        return done
    while done < size:
        try:
            copied = os.copy_file_range(source, target, min(_ASKED, size - done), offset_src=offset + done)
        except OSError as error:
            if error.errno in cloning.UNSUPPORTED:
                return done
            raise
        if not copied:  # some file systems say that instead of an error
            return done
        done += copied
    return done


def _write(target: int, block: bytes) -> int:
    left = memoryview(block)
    while left:
        left = left[os.write(target, left) :]
    return len(block)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _made(target: Path) -> Iterator[int]:
    """A new file, open for writing; removed again when something goes wrong."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
