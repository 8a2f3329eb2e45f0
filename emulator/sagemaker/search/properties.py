"""The properties a resource can be searched by: those of its shape in the service model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from emulator.aws.model import Model, Shape, load
from emulator.errors import ValidationException
from emulator.state.search import TAGS

Kind = Literal["text", "number", "timestamp", "boolean", "hyperparameter"]

METRICS = "Metrics."
HYPERPARAMETERS = "HyperParameters."

_SCALARS: dict[str, Kind] = {
    "string": "text",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "integer": "number",
    "long": "number",
    "float": "number",
    "double": "number",
}


@dataclass(frozen=True, slots=True)
class Property:
    """One of them; ``listed``: a resource can have several values of it."""

    name: str
    kind: Kind
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Properties:
    """Those of one resource. ``scalars`` by name; ``lists`` are lists of structures; ``open`` are beginnings of names,
    each with the kind of what bears it."""

    scalars: dict[str, Property]
    lists: frozenset[str]
    open: dict[str, Kind]

    def require(self, name: str) -> Property:
        """The property of that name. Raises ValidationException for what is none."""
        if name in self.scalars:
            return self.scalars[name]
        for beginning, kind in self.open.items():
            if name.startswith(beginning) and name != beginning:
                return Property(name, kind)
        raise ValidationException(f"Unknown property name: {name}")  # the service's wording is unverified

    def require_list(self, name: str) -> str:
        """The name of a list of structures. Raises ValidationException for anything else."""
        if name not in self.lists:
            raise ValidationException(f"Unknown nested property name: {name}")  # wording unverified
        return name


@cache
def properties_of(shape: str) -> Properties:
    """The properties of the resource that a search shows as ``shape``, for example ``TrainingJob``."""
    model = load("sagemaker")
    found = Properties({}, frozenset(_lists(model, shape)), {TAGS: "text"})
    for name, kind, listed in _scalars(model, model.shapes[shape], "", listed=False):
        if name.endswith("."):
            found.open[name] = "hyperparameter" if name == HYPERPARAMETERS else kind
        elif not name.startswith(TAGS):
            found.scalars[name] = Property(name, kind, listed)
    if "FinalMetricDataList" in found.lists:
        found.open[METRICS] = "number"
    return found


def _scalars(model: Model, shape: Shape, name: str, *, listed: bool) -> Iterator[tuple[str, Kind, bool]]:
    """Name, kind and whether in a list, of each scalar in a shape; a map's name ends in a dot."""
    match shape["type"]:
        case "structure":
            for member, inner in shape["members"].items():
                yield from _scalars(model, _at(model, inner), f"{name}.{member}" if name else member, listed=listed)
        case "list":
            yield from _scalars(model, _at(model, shape["member"]), name, listed=True)
        case "map":
            for _, kind, _ in _scalars(model, _at(model, shape["value"]), name, listed=listed):
                yield f"{name}.", kind, listed
        case scalar if scalar in _SCALARS:
            yield name, _SCALARS[scalar], listed


def _lists(model: Model, shape: str) -> Iterator[str]:
    for name, listed in _structures(model, model.shapes[shape], ""):
        if listed and name != TAGS.rstrip("."):
            yield name


def _structures(model: Model, shape: Shape, name: str) -> Iterator[tuple[str, bool]]:
    """The name of each structure in a shape that is in no list, and whether it is a list of structures."""
    for member, inner in shape["members"].items():
        found, path = _at(model, inner), f"{name}.{member}" if name else member
        if found["type"] == "structure":
            yield from _structures(model, found, path)
        elif found["type"] == "list":
            yield path, _at(model, found["member"])["type"] == "structure"


def _at(model: Model, reference: Shape) -> Shape:
    found: Shape = model.shapes[reference["shape"]]
    return found
