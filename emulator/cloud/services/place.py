"""Where a piece of moto's state lives: the address that its row is stored under and that others refer to it by."""

from __future__ import annotations

import functools
import json
from typing import NamedTuple

_END = "\x1f"  # ends every step of a path; JSON escapes it, so no key contains it


class Place(NamedTuple):
    """A backend of moto, or an entry of one of its shelves.

    ``service`` is moto's package (``awslambda``), ``region`` a partition (``aws``) where a service has no regions,
    ``path`` is empty for the backend itself.
    """

    service: str
    account: str
    region: str
    path: str = ""

    def entry(self, shelf: str, key: str) -> Place:
        """The entry ``key`` of the shelf ``shelf`` of what lives here."""
        return self._replace(path=f"{self.path}{shelf}{_END}{json.dumps(key)}{_END}")

    def split(self) -> tuple[Place, str, str]:
        """The owner of an entry, its shelf and its key: what `entry` was given."""
        *above, shelf, key, _ = self.path.split(_END)
        return self._replace(path="".join(step + _END for step in above)), shelf, json.loads(key)

    @property
    def depth(self) -> int:
        """How many shelves are above; owners sort before their entries."""
        return self.path.count(_END)

    @property
    def beyond(self) -> str:
        """The path that sorts after every path that begins with this one."""
        return self.path + "\U0010ffff"


def package_of(kind: type) -> str:
    """The package of moto that a class belongs to: ``sqs`` for ``moto.sqs.models.Queue``; ``""`` outside of moto."""
    return _package(kind.__module__)


@functools.cache
def _package(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "moto" and len(parts) > 2 else ""
