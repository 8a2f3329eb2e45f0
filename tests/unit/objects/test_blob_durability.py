"""What of a blob is on the disk before it counts as written."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from emulator.objects.blobs import SMALL, Blobs

BYTES = b"x" * (SMALL + 1)

Identity = tuple[int, int]


class NoRows:
    def blob(self, name: str) -> bytes | None:
        return None


def identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Identity]:
    """What fsync was called for, in turn."""
    calls: list[Identity] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        found = os.fstat(descriptor)
        calls.append((found.st_dev, found.st_ino))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return calls


def test_a_new_blob_is_on_the_disk_with_its_name_and_the_names_of_its_directories(
    tmp_path: Path, synced: list[Identity]
) -> None:
    directory = tmp_path / "objects"
    blobs = Blobs(directory, NoRows(), synced=True)
    (segment,) = blobs.save(io.BytesIO(BYTES))
    path = blobs.path(segment.blob)
    assert synced == [identity(each) for each in (path, path.parent, directory, tmp_path)]


def test_a_part_is_on_the_disk_with_its_name_though_another_part_made_the_file(
    tmp_path: Path, synced: list[Identity]
) -> None:
    blobs = Blobs(tmp_path / "objects", NoRows(), synced=True)
    name = blobs.reserve()
    path = blobs.path(name)
    path.parent.mkdir(parents=True)
    path.touch()  # as by a part that is still coming in
    blobs.fill(name, 5, io.BytesIO(BYTES))
    assert synced == [identity(each) for each in (path, path.parent, tmp_path / "objects", tmp_path)]


def test_directories_above_are_made_durable_once(tmp_path: Path, synced: list[Identity]) -> None:
    blobs = Blobs(tmp_path / "objects", NoRows(), synced=True)
    name = blobs.reserve()
    blobs.fill(name, 0, io.BytesIO(BYTES))
    synced.clear()
    blobs.fill(name, len(BYTES), io.BytesIO(BYTES))
    assert synced == [identity(blobs.path(name)), identity(blobs.path(name).parent)]


def test_by_default_the_disk_is_not_waited_for(tmp_path: Path, synced: list[Identity]) -> None:
    Blobs(tmp_path / "objects", NoRows()).save(io.BytesIO(BYTES))
    assert synced == []
