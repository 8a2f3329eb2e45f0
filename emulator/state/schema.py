"""The schema of a database: made when it is new, brought up to date when it is older, refused when it is newer."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update

from emulator.state import tables


class WrongSchema(Exception):
    """The database was written by another version of the emulator."""


def refuse_unknown(engine: Engine) -> None:
    """Raise `WrongSchema` for a database whose schema this version cannot read. Writes nothing."""
    if not inspect(engine).has_table(tables.about.name):
        return
    with engine.connect() as connection:
        found = _version(connection)
    if found is not None and not tables.OLDEST_SCHEMA <= found <= tables.SCHEMA_VERSION:
        raise WrongSchema(
            f"the database {engine.url.database} has schema version {found}; this version of the emulator reads "
            f"{tables.SCHEMA_VERSION}. Use another --data-dir, or the version that wrote it."
        )


def bring_up(connection: Connection) -> None:
    """Make what is missing. Done again after an interruption, it goes on where that came."""
    version = _version(connection) if inspect(connection).has_table(tables.about.name) else None
    if version == 1:
        _add_facts(connection)
    tables.metadata.create_all(connection)
    if version is None:
        connection.execute(insert(tables.about).values(schema_version=tables.SCHEMA_VERSION))
    elif version != tables.SCHEMA_VERSION:
        connection.execute(update(tables.about).values(schema_version=tables.SCHEMA_VERSION))


def _version(connection: Connection) -> int | None:
    return connection.execute(select(tables.about.c.schema_version)).scalar_one_or_none()


def _add_facts(connection: Connection) -> None:
    """From version 1: resources have no serial yet, and the store writes the facts of those that have none."""
    if "serial" not in {column["name"] for column in inspect(connection).get_columns(tables.resource.name)}:
        connection.execute(text("ALTER TABLE resource ADD COLUMN serial INTEGER"))
    present = {index["name"] for index in inspect(connection).get_indexes(tables.resource.name)}
    if "resource_by_noun" in present:  # lives are looked for by their status, which another index has
        connection.execute(text("DROP INDEX resource_by_noun"))
    for index in tables.resource.indexes:
        if index.name not in present:
            index.create(connection)
