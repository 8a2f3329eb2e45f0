"""Where things lie: the host directory whose children a container sees below ``/opt/ml``."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from emulator.removing import remove_tree

# Neither waiting for a pipe's writer nor following a link; Windows has neither.
_CAREFULLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)

# AWS shows the first 1024 characters of the failure file; a runaway file is not read beyond that.
_FAILURE_LIMIT = 1024


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
    def checkpoints(self) -> Path:
        return self.ml / "checkpoints"

    @property
    def pipes(self) -> Path:
        """What is fed into the pipes of Pipe channels, out of the container's sight."""
        return self.root / "pipes"

    @property
    def feeder(self) -> Path:
        """What the emulator and the process that feeds the pipes tell each other."""
        return self.root / "feeder"

    @property
    def made(self) -> bool:
        """Whether the tree is there."""
        return self.ml.is_dir()

    @property
    def shared(self) -> frozenset[str]:
        """The children of ``ml`` that may hold stored bytes themselves: a container may see them only shielded.

        Kept in a file beside ``ml``, since whoever launches the container need not be the one who staged its files.
        """
        try:
            return frozenset(self._shared.read_text(encoding="utf-8").split())
        except FileNotFoundError:
            return frozenset()

    def share(self, child: str) -> None:
        """Remember that ``child`` of ``ml`` may hold stored bytes; to be said before the first of them is there."""
        self._shared.write_text("\n".join(self.shared | {child}), encoding="utf-8")

    @property
    def _shared(self) -> Path:
        return self.root / "shared"

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
        remove_tree(self.root)

    def _make(self, *directories: Path) -> None:
        # The children that a container sees are open to every user; nobody else's way leads through here.
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o700)
        for directory in directories:
            directory.mkdir(parents=True, exist_ok=True)
        open_to_all(self.ml)


def open_to_all(directory: Path) -> None:
    """Let any user write below ``directory``: an image may run as a user the host does not know.

    Programs stay programs: a model archive may hold some. A file that is a stored blob has its mode already.
    """
    directory.chmod(0o777)
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                open_to_all(Path(entry.path))
            elif not entry.is_symlink():
                _open_file(entry)


def _open_file(entry: os.DirEntry[str]) -> None:
    mode = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
    wanted = (mode & 0o777) | 0o666
    if mode != wanted:
        Path(entry.path).chmod(wanted)
