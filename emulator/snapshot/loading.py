"""Loading a snapshot into a data directory that no emulator uses."""

from __future__ import annotations

from pathlib import Path

from emulator import replacing
from emulator.datadir import DataDirError, alone, make_private
from emulator.snapshot.checking import check
from emulator.snapshot.manifest import Manifest, SnapshotError
from emulator.snapshot.unpacking import Told, unpack


def load(file: Path, data_dir: Path, *, replace: bool = False, told: Told = lambda _: None) -> Manifest:
    """Let the next emulator on ``data_dir`` go on from the snapshot ``file``; answers what was loaded.

    State that is there is only replaced where ``replace`` says so, and once the snapshot has been unpacked beside it
    and checked as a whole; until then it stays as it is, also when this process is killed. The directory keeps its id,
    or gets one of its own: containers of the emulator that was saved are none of this one's. Raises `SnapshotError` and
    `DataDirError`.
    """
    try:
        make_private(data_dir)
    except OSError as error:
        raise DataDirError(f"The data directory {data_dir} cannot be used: {error.strerror}.") from error
    with alone(data_dir):
        if replacing.holds_state(data_dir) and not replace:
            raise SnapshotError(
                f"{data_dir} holds state already. --force replaces it with the snapshot; another --data-dir keeps both."
            )
        return _load(file, data_dir, told)


def _load(file: Path, data_dir: Path, told: Told) -> Manifest:
    try:
        directory = replacing.incoming(data_dir)
        manifest = unpack(file, directory, told)
        _check(file, directory, manifest)
        replacing.commit(data_dir)
    except OSError as error:
        raise SnapshotError(f"The snapshot cannot be written to {data_dir}: {error.strerror}.") from error
    finally:
        replacing.abandon(data_dir)
    return manifest


def _check(file: Path, directory: Path, manifest: Manifest) -> None:
    try:
        check(directory, manifest)
    except SnapshotError as error:
        raise SnapshotError(f"{file} cannot be loaded: {error}") from error
