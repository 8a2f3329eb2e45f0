"""Removing what programs have made."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.removing import remove_tree
from emulator.sagemaker.training_job.utilisation import disk


def deepen(root: Path, depth: int) -> None:
    """Nest directories as a program does that walks down."""
    root.mkdir()
    inner = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        (Path("/proc/self/fd") / str(inner) / "file").write_text("x")
        os.mkdir("d", dir_fd=inner)
        deeper = os.open("d", os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = deeper
    os.close(inner)


def test_directories_deeper_than_any_path_are_removed_and_can_be_measured(tmp_path: Path) -> None:
    deepen(tmp_path / "root", 3000)
    try:
        assert disk([tmp_path / "root"], 1.0) is not None
    finally:
        remove_tree(tmp_path / "root")
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    deepen(tmp_path / "root", 1200)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "root")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_what_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
