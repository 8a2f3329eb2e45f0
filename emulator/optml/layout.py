"""Where things lie: the host directory whose children a container sees below ``/opt/ml``."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

# AWS shows the first 1024 characters of the failure file; a runaway file is not read beyond that.
_FAILURE_LIMIT = 1024

# Neither waiting for a pipe's writer nor following a link; Windows has neither.
_CAREFULLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Layout:
    """The directory of one container instance. ``ml`` stands for ``/opt/ml``."""

    root: Path

    @property
    def ml(self) -> Path:
        return self.root / "ml"

    @property
    def config(self) -> Path:
        return self.ml / "input" / "config"

    @property
    def data(self) -> Path:
        return self.ml / "input" / "data"

    @property
    def model(self) -> Path:
        return self.ml / "model"

    @property
    def output(self) -> Path:
        return self.ml / "output"

    @property
    def scratch(self) -> Path:
        """Beside ``ml``: archives on their way to or from S3, never seen by the container."""
        return self.root / "scratch"

    def make_for_training(self) -> None:
        """Make the tree of a training container, afresh: what an interrupted attempt left is removed."""
        self.remove()
        self._make(self.config, self.data, self.model, self.output / "data")

    def make_for_serving(self) -> None:
        """Make the tree of an inference container, afresh."""
        self.remove()
        self._make(self.model)

    def failure(self) -> str:
        """The beginning of ``/opt/ml/output/failure``, or an empty text.

        The container made it, so it may be anything: a pipe that would block, or a link to a file of this machine.
        """
        try:
            descriptor = os.open(self.output / "failure", _CAREFULLY)
            with open(descriptor, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - of a descriptor
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return "(the failure file is no ordinary file)"
                return file.read(_FAILURE_LIMIT)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"(the failure file could not be read: {error.strerror})"

    def remove(self) -> None:
        """Remove the whole directory; fine when it is not there."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _make(self, *directories: Path) -> None:
        # The children that a container sees are open to every user; nobody else's way leads through here.
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o700)
        self.scratch.mkdir()
        for directory in directories:
            directory.mkdir(parents=True, exist_ok=True)
        open_to_all(self.ml)


def open_to_all(directory: Path) -> None:
    """Let any user write below ``directory``: an image may run as a user the host does not know.

    Programs stay programs: a model archive may hold some.
    """
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else (path.stat().st_mode & 0o777) | 0o666)
