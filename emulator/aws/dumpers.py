"""A handler's answer to JSON values: one projecting function for each shape.

A projection keeps the members that the shape knows and drops the rest; None means absent. So a handler may hand out
its stored document as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.aws import scalars
from emulator.aws.compiler import Compiler
from emulator.aws.parsers import wire_name

Dump = Callable[[Any], Any]
"""``dump(value) -> JSON value``; raises TypeError or ValueError for a value that is not of the shape."""


class Dumpers(Compiler[Dump]):
    """The dumpers of one model."""

    def _later(self, name: str) -> Dump:
        def dump(value: Any) -> Any:
            return self.of(name)(value)

        return dump

    def _build(self, name: str) -> Dump:
        shape = self.model.shapes[name]
        if shape.get("document"):
            return lambda value: value
        match shape["type"]:
            case "structure":
                return self.structure(name, shape["members"])
            case "list":
                dump = self.of(shape["member"]["shape"])
                return lambda value: [dump(item) for item in _listed(value) if item is not None]
            case "map":
                dump = self.of(shape["value"]["shape"])
                return lambda value: {key: dump(item) for key, item in value.items() if item is not None}
        return scalars.writer(shape)

    def structure(self, name: str, names: Iterable[str]) -> Dump:
        """A dumper of structure ``name`` that writes only the members in ``names``."""
        shape = self.model.shapes[name]
        members = {key: (wire_name(shape, key), self.of(shape["members"][key]["shape"])) for key in names}

        def dump(value: Any) -> dict[str, Any]:
            projected = {}
            for key, item in value.items():
                if item is not None and key in members:
                    wire, dump_item = members[key]
                    projected[wire] = dump_item(item)
            return projected

        return dump


def _listed(value: Any) -> Iterable[Any]:
    """``value``, unless it is a string or a mapping: those iterate too, and never mean a list."""
    if isinstance(value, str | bytes | Mapping):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value  # type: ignore[no-any-return]
