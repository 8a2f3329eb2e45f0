"""Whether unpacked state is whole, and can be read by this version of the emulator and the installed moto."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from emulator import replacing
from emulator.cloud import Cloud
from emulator.cloud.catalogue import Catalogue
from emulator.cloud.s3 import extents
from emulator.objects.blobs import Blobs
from emulator.objects.port import Damaged
from emulator.settings import Settings
from emulator.snapshot.manifest import Manifest, SnapshotError
from emulator.state.sql import SqlStore, WrongSchema
from emulator.state.sqlite import StateDamaged, StateUnreadable


def check(directory: Path, manifest: Manifest) -> None:
    """Raise `SnapshotError` unless an emulator can start on the state in ``directory``, with every byte of it."""
    for name in (replacing.RESOURCES, replacing.CATALOGUE):
        if not (directory / name).exists():
            raise SnapshotError(f"{name} is missing.")
    try:
        SqlStore.file(directory / replacing.RESOURCES).close()
        Catalogue(directory / replacing.CATALOGUE).close()
        _must_have_its_bytes(directory)
        if manifest.moto not in (None, version("moto")):
            _must_be_readable(directory, manifest)
    except StateDamaged as error:
        raise SnapshotError(f"{error.path.name} is damaged: {error.said}.") from error
    except (StateUnreadable, WrongSchema) as error:
        raise SnapshotError(str(error)) from error
    except (ValueError, sqlite3.Error) as error:
        raise SnapshotError(f"its databases cannot be read: {error}.") from error


def _must_have_its_bytes(directory: Path) -> None:
    with closing(sqlite3.connect(directory / replacing.CATALOGUE)) as catalogue:
        blobs = Blobs(directory / replacing.OBJECTS, _Rows(catalogue))
        for one in extents.named(catalogue):
            try:
                blobs.check((one.segment,))
            except Damaged as error:
                raise SnapshotError(f"the bytes of {one.owner} are not whole: {error}.") from error


def _must_be_readable(directory: Path, manifest: Manifest) -> None:
    """Let the installed moto read what another version wrote."""
    usual = Settings()
    Cloud(manifest.account or usual.account, manifest.region or usual.region, directory).close()


class _Rows:
    """The small blobs of a catalogue."""

    def __init__(self, catalogue: sqlite3.Connection) -> None:
        self._catalogue = catalogue

    def blob(self, name: str) -> bytes | None:
        row = self._catalogue.execute("SELECT data FROM blob WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None
