"""The first member of a snapshot: what it is, who wrote it, and what is in it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import msgspec

from emulator.cloud.catalogue import FORMAT as CATALOGUE_FORMAT
from emulator.cloud.services.rows import FORMAT as SERVICES_FORMAT
from emulator.state.tables import OLDEST_SCHEMA, SCHEMA_VERSION
from emulator.version import __version__

NAME = "manifest.json"
LONGEST = 1 << 16
"""Bytes of a manifest."""

FORMAT = 1
"""Of the archive itself: which members there are, and this document."""


class SnapshotError(Exception):
    """A snapshot cannot be saved or loaded; the message says why, and what to do. Nothing was changed."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Versions are of what wrote the state; None where nothing was written yet that has one.

    ``account`` and ``region`` are the settings of the emulator that used the state last. ``sizes`` are bytes of the
    two databases and of all files of objects together, ``objects`` is the number of these files.
    """

    format: int
    created_at: str
    emulator: str
    moto: str | None
    schema: int
    catalogue_format: str | None
    services_format: str | None
    account: str | None
    region: str | None
    sizes: dict[str, int]
    objects: int

    @classmethod
    def of(cls, resources: sqlite3.Connection, catalogue: sqlite3.Connection) -> Manifest:
        """The manifest of two databases, without sizes.

        Raises `SnapshotError` for those of other versions, and sqlite3.Error.
        """
        meta, service_meta = _facts(catalogue, "meta"), _facts(catalogue, "service_meta")
        (schema,) = resources.execute("SELECT schema_version FROM about").fetchone()
        made = cls(
            format=FORMAT,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            emulator=__version__,
            moto=meta.get("moto"),
            schema=schema,
            catalogue_format=meta.get("format"),
            services_format=service_meta.get("format"),
            account=meta.get("account"),
            region=meta.get("region"),
            sizes={},
            objects=0,
        )
        made.check()
        return made

    @classmethod
    def read(cls, data: bytes) -> Manifest:
        """A manifest that this version understands. Raises `SnapshotError`."""
        try:
            found = msgspec.json.decode(data, type=_Any)
            if found.format != FORMAT:
                raise SnapshotError(
                    f"it has format {found.format}, written by version {found.emulator} of the emulator; this version "
                    f"reads {FORMAT}. Load it with the version that wrote it."
                )
            manifest = msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise SnapshotError(f"it is no snapshot of this emulator: {error}.") from error
        manifest.check()
        return manifest

    def check(self) -> None:
        """Raise `SnapshotError` when the databases are of versions that this one does not read."""
        schemas = [str(version) for version in range(OLDEST_SCHEMA, SCHEMA_VERSION + 1)]
        for what, found, known in (
            ("the store's schema version", str(self.schema), schemas),
            ("the catalogue's format", self.catalogue_format, [CATALOGUE_FORMAT]),
            ("the format of moto's services", self.services_format, [SERVICES_FORMAT]),
        ):
            if found not in (None, *known):
                raise SnapshotError(
                    f"{what} is {found}; this version of the emulator reads {' and '.join(known)}. "
                    f"Use the version that wrote it, {self.emulator}."
                )

    @property
    def written(self) -> bytes:
        """The document."""
        return msgspec.json.format(msgspec.json.encode(self))


class _Any(msgspec.Struct):
    """What a manifest of any format has."""

    format: int
    emulator: str


def _facts(catalogue: sqlite3.Connection, table: str) -> dict[str, str]:
    return dict(catalogue.execute(f"SELECT name, value FROM {table}").fetchall())  # noqa: S608 - our own names
