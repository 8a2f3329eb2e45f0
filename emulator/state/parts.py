"""Whether a text has another in it: what SQL says differently in each database, and SQLite sooner than the others."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _HasPart(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()


class _IsLike(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()


def has_part(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether ``part`` is in the text, in the same case of letters."""
    return _HasPart(text, literal(part))


def has_part_in_any_case(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether ``part`` is in the text, whatever the case of (ASCII) letters."""
    pattern = part.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return _IsLike(text, literal(f"%{pattern}%"))


@compiles(_HasPart)
def _by_replacing(element: _HasPart, compiler: SQLCompiler, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(replace({text}, {part}, '') <> {text})"


@compiles(_HasPart, "sqlite")
def _by_position(element: _HasPart, compiler: SQLCompiler, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(instr({text}, {part}) > 0)"


@compiles(_IsLike)
def _in_lower_case(element: _IsLike, compiler: SQLCompiler, **options: Any) -> str:
    text, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(lower({text}) LIKE lower({pattern}) ESCAPE '/')"


@compiles(_IsLike, "sqlite")
def _as_sqlite_does(element: _IsLike, compiler: SQLCompiler, **options: Any) -> str:
    text, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} LIKE {pattern} ESCAPE '/')"
