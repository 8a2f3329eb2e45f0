"""The service models that botocore ships, loaded without botocore.

Importing botocore's loader costs about 15 MB and 100 ms, most of it unrelated to models, so the files are read
from its package data directly. Documentation is dropped while parsing: it is most of the text and nothing here
reads it (5 MB resident for SageMaker's 425 operations instead of 7, and it loads faster).
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Shape = dict[str, Any]
"""One shape of a model, as botocore writes it: ``type``, ``members``, ``required``, ``min``, ``pattern`` ..."""


@dataclass(frozen=True, slots=True)
class Model:
    """One service: its protocol, operations and shapes, in botocore's own ``service-2.json`` vocabulary."""

    metadata: dict[str, Any]
    operations: dict[str, dict[str, Any]]
    shapes: dict[str, Shape]

    def exception(self, code: str) -> Shape | None:
        """The modelled error shape called ``code``, or None."""
        shape = self.shapes.get(code)
        return shape if shape is not None and shape.get("exception") else None

    def is_secret(self, name: str) -> bool:
        """Whether a value of this shape holds, at any depth, something the model marks as sensitive."""
        pending, seen = [name], {name}
        while pending:
            shape = self.shapes[pending.pop()]
            if shape.get("sensitive"):
                return True
            new = _parts(shape) - seen
            seen |= new
            pending += new
        return False


def _parts(shape: Shape) -> set[str]:
    """The names of the shapes directly inside ``shape``."""
    parts = [shape[slot] for slot in ("member", "key", "value") if slot in shape]
    return {part["shape"] for part in [*parts, *shape.get("members", {}).values()]}


@cache
def load(service: str) -> Model:
    """The newest model of ``service`` (botocore's name, e.g. ``sagemaker-runtime``); LookupError when there is none.

    Read once: whoever asks shares it.
    """
    versions = sorted(_data().joinpath(service).glob("*/service-2.json*"))
    if not versions:
        raise LookupError(f"botocore has no service model {service!r}")
    path = versions[-1]
    raw = path.read_bytes()
    document = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw, object_pairs_hook=_without_prose)
    return Model(document["metadata"], document["operations"], document["shapes"])


def _data() -> Path:
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise LookupError("botocore is not installed")
    return Path(spec.origin).parent / "data"


def _without_prose(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without its documentation, equal strings shared.

    A *member* that happens to be called ``documentation`` has an object as its value and stays.
    """
    return {
        key: sys.intern(value) if value.__class__ is str else value
        for key, value in pairs
        if key != "documentation" or value.__class__ is not str
    }
