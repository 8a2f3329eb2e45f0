"""Whether what another version of moto pickled is whole in the eyes of the installed one.

A pickle brings back the attributes an instance had, not those that today's class would give it. One that lacks an
attribute fails much later, in the middle of a request. So instances are compared with their classes' sources.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from emulator.state.sqlite import StateUnreadable


def missing(value: object) -> str | None:
    """The first attribute that an instance of a moto class below ``value`` lacks, as ``module.Class.attribute``.

    None when there is none: then everything is as today's classes make it.
    """
    for instance in _instances(value):
        kind: Any = type(instance)
        held = getattr(instance, "__dict__", {})
        for name in required(kind):
            if name not in held and not hasattr(kind, name):
                return f"{kind.__module__}.{kind.__qualname__}.{name}"
    return None


def unreadable(written_by: str, installed: str, detail: str) -> StateUnreadable:
    """The refusal of state of another version: both versions, what does not fit, and what to do."""
    return StateUnreadable(
        f"The state of AWS's other services was written with moto {written_by} and cannot be read with moto "
        f"{installed} ({detail}). Install moto=={written_by}, or start with an empty data directory."
    )


@functools.cache
def required(kind: Any) -> frozenset[str]:
    """The attributes that making an instance of ``kind`` always assigns; none for classes without a source."""
    if dataclasses.is_dataclass(kind):
        return frozenset(field.name for field in dataclasses.fields(kind))
    return _assigned_from(kind, 0)


def _assigned_from(kind: Any, start: int) -> frozenset[str]:
    """What the first ``__init__`` in the classes of ``kind`` from ``start`` on assigns, with those it calls."""
    line = kind.__mro__
    for position in range(start, len(line)):
        if "__init__" in vars(line[position]) and line[position].__module__.split(".")[0] == "moto":
            body = _body(line[position])
            names = set(_assigned(body))
            for called in _called(body):
                names |= _assigned_from(kind, _position(line, position, called))
            return frozenset(names)
    return frozenset()


def _position(line: tuple[type, ...], current: int, called: str | None) -> int:
    """Where the class whose ``__init__`` is called stands; ``called`` is None for ``super()``."""
    names = [each.__name__ for each in line]
    return current + 1 if called not in names[current + 1 :] else names.index(str(called), current + 1)


@functools.cache
def _body(kind: Any) -> tuple[ast.stmt, ...]:
    """The statements of a class's own ``__init__``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(vars(kind)["__init__"]))))
    except (OSError, TypeError, SyntaxError):
        return ()
    function = tree.body[0]
    return tuple(function.body) if isinstance(function, ast.FunctionDef) else ()


def _assigned(body: tuple[ast.stmt, ...] | list[ast.stmt]) -> Iterator[str]:
    """Attributes of ``self`` that every way through ``body`` assigns."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets):
                yield from (name for target in targets for name in _names(target))
            case ast.AnnAssign(target=target, value=value) if value is not None:
                yield from _names(target)
            case ast.If(body=then, orelse=otherwise):
                yield from set(_assigned(then)) & set(_assigned(otherwise))
            case ast.With(body=inner):
                yield from _assigned(inner)


def _names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            yield name
        case ast.Tuple(elts=parts):
            for part in parts:
                yield from _names(part)


def _called(body: tuple[ast.stmt, ...]) -> Iterator[str | None]:
    """The classes whose ``__init__`` is always called: a name, or None for ``super()``."""
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=whose, attr="__init__"))):
                yield whose.id if isinstance(whose, ast.Name) else None


def _instances(value: object) -> Iterator[Any]:
    """Every instance of a moto class that can be reached from ``value``, once."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if id(current) in seen or isinstance(current, str | bytes | int | float | type):
            continue
        seen.add(id(current))
        if type(current).__module__.split(".")[0] == "moto":
            yield current
        waiting.extend(_inside(current))


def _inside(value: Any) -> Iterator[Any]:
    """What a container or an instance of moto holds."""
    if isinstance(value, dict):
        for key, item in list(dict.items(value)):
            yield from (key, item)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from list(value)
    if type(value).__module__.split(".")[0] == "moto":
        yield from list(getattr(value, "__dict__", {}).values())
