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
)

metadata = MetaData()

SCHEMA_VERSION = 1

about = Table("about", metadata, Column("schema_version", Integer, nullable=False))

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
    UniqueConstraint("account", "region", "noun", "name"),
    Index("resource_by_arn", "arn"),
    Index("resource_by_noun", "noun", "created_at"),
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
