"""The tables of the SQL store. Plain columns only, so that any database SQLAlchemy speaks can hold them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData()

SCHEMA_VERSION = 2
OLDEST_SCHEMA = 1
"""Databases since this version are brought up to date when they are opened."""

about = Table("about", metadata, Column("schema_version", Integer, nullable=False))

_WHOSE = ("account", "region", "noun")

resource = Table(
    "resource",
    metadata,
    Column("uid", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("noun", String(64), nullable=False),
    Column("name", String(256), nullable=False),
    Column("arn", String(512), nullable=False),
    Column("status", String(32), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("modified_at", Float(53), nullable=False),
    Column("request", JSON, nullable=False),
    Column("state", JSON, nullable=False),
    # The number by which facts know their resource. Null: its facts are still to be written.
    Column("serial", Integer, nullable=True),
    UniqueConstraint("account", "region", "noun", "name"),
    Index("resource_by_arn", "arn"),
    Index("resource_by_life", "noun", "status"),
    Index("resource_by_serial", "serial", unique=True),
    Index("resource_by_age", *_WHOSE, "serial"),
    # One for each order of a list. What a list filters by is in each, so that no row is read to be passed over.
    Index("resource_by_name", *_WHOSE, "name", "status", "created_at", "modified_at", "serial"),
    Index("resource_by_creation", *_WHOSE, "created_at", "name", "status", "modified_at", "serial"),
    Index("resource_by_status", *_WHOSE, "status", "name", "created_at", "modified_at", "serial"),
)

transition = Table(
    "transition",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", String(32), ForeignKey("resource.uid", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Float(53), nullable=False),
    Column("event", String(64), nullable=False),
    Column("detail", JSON, nullable=False),
)

tag = Table(
    "tag",
    metadata,
    Column("uid", String(32), ForeignKey("resource.uid", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", String(128), nullable=False),
    Column("value", String(256), nullable=False),
    PrimaryKeyConstraint("uid", "key"),
)

# The names of facts, once for each noun of a scope, so that a fact names all of them in one small number.
field = Table(
    "field",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("noun", String(64), nullable=False),
    Column("name", String(512), nullable=False),
    UniqueConstraint(*_WHOSE, "name"),
)

# Kept by resource, and by value as well where that is not in a list (position 0, tags -1): each value there is a page
# of its own to write, and a list has many. Numbers have an empty text; ``part`` tells apart values that a resource has
# of one field at one position. Where a database has no partial indices, the index holds all.
UNLISTED = text("position <= 0")

fact = Table(
    "fact",
    metadata,
    Column("serial", Integer, ForeignKey("resource.serial", ondelete="CASCADE"), nullable=False),
    Column("field", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("number", Float(53), nullable=False),
    Column("text", String(2500), nullable=False),
    PrimaryKeyConstraint("serial", "field", "position", "part"),
    Index(
        "fact_by_value",
        "field",
        "number",
        "text",
        "serial",
        sqlite_where=UNLISTED,
        postgresql_where=UNLISTED,
        mysql_length={"text": 255},
    ),
    sqlite_with_rowid=False,
)
