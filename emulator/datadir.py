"""The data directory: who it belongs to, and what lies where in it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from emulator import replacing
from emulator.durable import make_directory
from emulator.removing import remove_tree
from emulator.settings import Settings

if sys.platform != "win32":
    import fcntl


_ROOM = 128 << 10
"""Bytes without which starting makes no sense."""
_TRIES = 5
_PAUSE = 0.02


def make_private(directory: Path, *, synced: bool = False) -> None:
    """Make the data directory, for its owner only: it holds data, models and credentials of sessions.

    One that exists keeps its mode, which is its owner's choice. ``synced``: it survives a loss of power. Raises
    OSError.
    """
    make_directory(directory, mode=0o700, synced=synced)


class DataDirError(Exception):
    """The data directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a running emulator says about itself in its data directory."""

    pid: int
    url: str

    @classmethod
    def read(cls, data_dir: Path) -> Running | None:
        """The emulator that uses ``data_dir``, or None. A file that a crash left behind names nobody."""
        try:
            if not _is_locked(data_dir / "lock"):
                return None
            found = json.loads((data_dir / "running.json").read_text(encoding="utf-8"))
            return cls(found["pid"], found["url"])
        except (OSError, ValueError, KeyError):
            return None


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Keep emulators from starting on a data directory, which exists. Raises `DataDirError` where one runs."""
    try:
        lock = _locked_soon(data_dir / "lock")
    except OSError as error:
        raise _unusable(data_dir, error) from error
    if lock is None:
        raise DataDirError(
            f"An emulator uses the data directory {data_dir}. End it first, with `sagemaker-emulator down`."
        )
    with lock:
        _finish(data_dir)
        yield


class DataDir:
    """One emulator's directory, locked while it is open. An ephemeral one is removed when it is closed."""

    def __init__(self, settings: Settings) -> None:
        self.ephemeral = settings.ephemeral
        self.path = Path(tempfile.mkdtemp(prefix="sagemaker-emulator-")) if self.ephemeral else settings.data_dir
        try:
            make_private(self.path, synced=settings.synced)
            self.work.mkdir(mode=0o700, exist_ok=True)
            self._lock = _locked_soon(self.path / "lock")
            _try_out(self.path)
        except OSError as error:
            raise _unusable(self.path, error) from error
        if self._lock is None:
            raise DataDirError(
                f"Another emulator uses the data directory {self.path}. End it with `sagemaker-emulator down`, "
                "or choose another one with --data-dir, or --ephemeral."
            )
        _finish(self.path)
        self._announcement.unlink(missing_ok=True)  # what a crash left would name a process that is not ours
        self.emulator_id = self._identity()

    @property
    def database(self) -> Path:
        return self.path / replacing.RESOURCES

    @property
    def work(self) -> Path:
        """Files of running jobs and endpoints."""
        return self.path / "work"

    def announce(self, running: Running) -> None:
        """Let `Running.read` find this emulator."""
        content = json.dumps({"pid": running.pid, "url": running.url})
        self._announcement.write_text(content, encoding="utf-8")

    def sweep(self, alive: set[str]) -> None:
        """Remove the work directories of resources that are not in ``alive`` (uids)."""
        for directory in self.work.glob("*/*"):
            if directory.name not in alive:
                remove_tree(directory)

    def close(self) -> None:
        """Unlock; an ephemeral directory is removed."""
        with suppress(OSError):
            self._announcement.unlink()
        if self._lock is not None:
            self._lock.close()
        if self.ephemeral:
            remove_tree(self.path)

    @property
    def _announcement(self) -> Path:
        return self.path / "running.json"

    def _identity(self) -> str:
        """The id that marks this directory's containers, the same after a restart."""
        file = self.path / "emulator-id"
        if not file.exists():
            file.write_text(uuid.uuid4().hex[:12], encoding="utf-8")
        return file.read_text(encoding="utf-8").strip()


def _unusable(path: Path, error: OSError) -> DataDirError:
    return DataDirError(
        f"The data directory {path} cannot be used: {error.strerror}. Choose another one with --data-dir."
    )


def _finish(path: Path) -> None:
    """Go on with a `snapshot load` that was killed."""
    try:
        replacing.finish(path)
    except OSError as error:
        raise _unusable(path, error) from error


def _try_out(directory: Path) -> None:
    """Raise OSError where there is no room. SQLite, which would be the first to need some, calls that an I/O error."""
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(_ROOM))
        file.flush()
        os.fsync(file.fileno())  # some file systems find out late


def _locked(path: Path) -> IO[str] | None:
    """The lock file, open and locked until it is closed; None when somebody else holds it."""
    file = path.open("a", encoding="utf-8")
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
    return file


def _locked_soon(path: Path) -> IO[str] | None:
    """`_locked`, tried again for a moment: `_is_locked` holds the lock for an instant when it looks."""
    for _ in range(_TRIES):
        if (file := _locked(path)) is not None:
            return file
        time.sleep(_PAUSE)
    return None


def _is_locked(path: Path) -> bool:
    if sys.platform == "win32" or not path.exists():  # there, an announcement is all there is to go by
        return path.exists()
    file = _locked(path)
    if file is not None:
        file.close()
    return file is None
