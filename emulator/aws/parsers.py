"""JSON values to validated input: one function for each shape.

A parser takes the JSON value, the path to it in AWS's spelling and the list of problems found so far. It appends
broken demands to that list and goes on, because AWS reports all of them at once; a value of the wrong JSON type
ends the parse with SerializationException.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.aws import scalars
from emulator.aws.compiler import Compiler
from emulator.aws.constraints import Constraint, constraint, null_problem, problem
from emulator.aws.model import Shape
from emulator.aws.scalars import SCALARS, Convert, mismatch

Parse = Callable[[Any, str, list[str]], Any]
"""``parse(value, path, problems) -> value``."""


class Parsers(Compiler[Parse]):
    """The parsers of one model."""

    def _later(self, name: str) -> Parse:
        def parse(value: Any, path: str, problems: list[str]) -> Any:
            return self.of(name)(value, path, problems)

        return parse

    def _build(self, name: str) -> Parse:
        shape = self.model.shapes[name]
        if shape.get("document"):
            return lambda value, _path, _problems: value
        match shape["type"]:
            case "structure":
                return self.structure(name, shape["members"])
            case "list":
                return self._list(name, shape)
            case "map":
                return self._map(name, shape)
        return self.scalar(name, scalars.reader(shape))

    def scalar(self, name: str, convert: Convert) -> Parse:
        """A parser that converts with ``convert`` and then checks the demands of shape ``name``."""
        if constraint(self.model.shapes[name]) is None:
            return lambda value, _path, _problems: convert(value)
        check = self._own_check(name)

        def parse(value: Any, path: str, problems: list[str]) -> Any:
            value = convert(value)
            check(value, path, problems)
            return value

        return parse

    def structure(self, name: str, names: Iterable[str]) -> Parse:
        """A parser of structure ``name`` that reads and demands only the members in ``names``."""
        shape = self.model.shapes[name]
        members = {wire_name(shape, key): (key, camel(key), self.of(shape["members"][key]["shape"])) for key in names}
        required = [(key, camel(key)) for key in shape.get("required", ()) if key in set(names)]
        is_union = shape.get("union", False)

        def parse(value: Any, path: str, problems: list[str]) -> dict[str, Any]:
            if value.__class__ is not dict:
                raise mismatch(value, "Structure")
            prefix = f"{path}." if path else ""
            found = {}
            for wire, item in value.items():
                if item is not None and wire in members:
                    key, lower, parse_item = members[wire]
                    found[key] = parse_item(item, prefix + lower, problems)
            for key, lower in required:
                if key not in found:
                    problems.append(null_problem(prefix + lower))
            if is_union and len(found) != 1:
                problems.append(_union_problem(path))
            return found

        return parse

    def _list(self, name: str, shape: Shape) -> Parse:
        element = shape["member"]["shape"]
        inner = self.model.shapes[element]
        if inner["type"] in SCALARS:
            return self.scalar_list(name, scalars.reader(inner))
        check = self._own_check(name)
        parse_item = self.of(element)

        def parse(value: Any, path: str, problems: list[str]) -> list[Any]:
            if value.__class__ is not list:
                raise mismatch(value, "List")
            check(value, path, problems)
            return [
                _present(parse_item, item, f"{path}.{number}.member", problems) for number, item in enumerate(value, 1)
            ]

        return parse

    def scalar_list(self, name: str, convert: Convert) -> Parse:
        """A parser of list ``name``, whose scalars ``convert`` reads; AWS reports their demands on the list itself."""
        check = self._own_check(name)
        check_items = self._item_check(name, self.model.shapes[name]["member"]["shape"], "Member")

        def parse(value: Any, path: str, problems: list[str]) -> list[Any]:
            if value.__class__ is not list:
                raise mismatch(value, "List")
            check(value, path, problems)
            if _report_nulls(enumerate(value, 1), path, problems):
                return []
            items = [convert(item) for item in value]
            check_items(items, value, path, problems)
            return items

        return parse

    def _map(self, name: str, shape: Shape) -> Parse:
        check = self._own_check(name)
        check_keys = self._item_check(name, shape["key"]["shape"], "Map keys")
        read_values = self._map_values(name, shape["value"]["shape"])

        def parse(value: Any, path: str, problems: list[str]) -> dict[str, Any]:
            if value.__class__ is not dict:
                raise mismatch(value, "Map")
            check(value, path, problems)
            check_keys(value, value, path, problems)
            return read_values(value, path, problems)  # type: ignore[no-any-return]

        return parse

    def _map_values(self, name: str, element: str) -> Parse:
        inner = self.model.shapes[element]
        if inner["type"] not in SCALARS or inner.get("document"):
            parse_item = self.of(element)
            return lambda value, path, problems: {
                key: _present(parse_item, item, f"{path}.{key}.member", problems) for key, item in value.items()
            }
        convert = scalars.reader(inner)
        check_items = self._item_check(name, element, "Map value")

        def parse(value: Any, path: str, problems: list[str]) -> Any:
            if _report_nulls(value.items(), path, problems):
                return {}
            items = {key: convert(item) for key, item in value.items()}
            check_items(items.values(), value, path, problems)
            return items

        return parse

    def _own_check(self, name: str) -> Callable[[Any, str, list[str]], None]:
        """Checks the demands of shape ``name`` itself; of a list or map that is its size."""
        demands = constraint(self.model.shapes[name]) or Constraint(())

        def check(value: Any, path: str, problems: list[str]) -> None:
            if broken := demands.broken(value):
                secret = self.model.is_secret(name)
                problems.extend(problem(path, value, words, secret=secret) for words in broken)

        return check

    def _item_check(
        self, name: str, element: str, subject: str
    ) -> Callable[[Iterable[Any], Any, str, list[str]], None]:
        """Checks scalars inside list or map ``name``; AWS repeats the whole container and every demand, once."""
        demands = constraint(self.model.shapes[element]) or Constraint(())
        words = f"{subject} must satisfy constraint: [{', '.join(demands.demands)}]"

        def check(items: Iterable[Any], whole: Any, path: str, problems: list[str]) -> None:
            if demands.rules and any(demands.broken(item) for item in items):
                problems.append(problem(path, whole, words, secret=self.model.is_secret(name)))

        return check


def camel(name: str) -> str:
    """A member's name as AWS's messages spell it: ``TrainingJobName`` is ``trainingJobName``."""
    return name[:1].lower() + name[1:]


def wire_name(shape: Shape, key: str) -> str:
    """The name of member ``key`` in a JSON body."""
    name: str = shape["members"][key].get("locationName", key)
    return name


def _present(parse: Parse, value: Any, path: str, problems: list[str]) -> Any:
    if value is None:
        problems.append(null_problem(path))
        return None
    return parse(value, path, problems)


def _report_nulls(items: Iterable[tuple[Any, Any]], path: str, problems: list[str]) -> bool:
    nulls = [key for key, item in items if item is None]
    problems.extend(null_problem(f"{path}.{key}.member") for key in nulls)
    return bool(nulls)


def _union_problem(path: str) -> str:
    # The rule is the model's (a union holds exactly one member); AWS's own wording was never seen.
    return f"Value at '{path}' failed to satisfy constraint: Member must have exactly one of its fields set"
