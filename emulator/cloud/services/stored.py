"""What is stored, as far as a commit has to know it: which instance, and whether it changed since."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from emulator.cloud.services.place import Place


def digest_of(kind: str, state: bytes) -> bytes:
    """Tells one row from another."""
    return blake2b(state, digest_size=16, key=kind.encode()[:64]).digest()


@dataclass(frozen=True, slots=True)
class Listed:
    """How much of a list is stored, and its last item: a list that still has it there has only grown."""

    count: int
    last: Any

    @classmethod
    def of(cls, items: list[Any], count: int) -> Listed:
        return cls(count, items[count - 1] if count else None)

    def is_start_of(self, items: list[Any]) -> bool:
        """Whether what is stored still is the beginning of ``items``."""
        return len(items) >= self.count and (self.count == 0 or items[self.count - 1] is self.last)


class Stored:
    """By place: the instance whose row it is, the row's digest, and the lists."""

    def __init__(self) -> None:
        self._units: dict[Place, tuple[Any, bytes]] = {}
        self._lists: dict[Place, dict[str, Listed]] = {}
        self._below: dict[Place, set[Place]] = {}

    def instance(self, place: Place) -> Any:
        """What is stored there; None for nothing."""
        found = self._units.get(place)
        return found[0] if found else None

    def instances(self) -> list[Any]:
        """Everything that is stored."""
        return [instance for instance, _ in self._units.values()]

    def holds(self, place: Place, instance: Any, digest: bytes) -> bool:
        """Whether this is stored already."""
        found = self._units.get(place)
        return found is not None and found[0] is instance and found[1] == digest

    def put(self, place: Place, instance: Any, digest: bytes) -> None:
        if place.path:
            self._below.setdefault(place.split()[0], set()).add(place)
        self._units[place] = (instance, digest)

    def listed(self, place: Place, name: str) -> Listed:
        """How much of a list is stored."""
        return self._lists.get(place, {}).get(name, Listed(0, None))

    def put_list(self, place: Place, name: str, listed: Listed) -> None:
        self._lists.setdefault(place, {})[name] = listed

    def drop(self, place: Place) -> None:
        """Forget a unit and everything below it."""
        for entry in self._below.pop(place, set()).copy():
            self.drop(entry)
        if place.path:
            self._below.get(place.split()[0], set()).discard(place)
        self._units.pop(place, None)
        self._lists.pop(place, None)

    def clear(self) -> None:
        """Nothing is stored."""
        self._units.clear()
        self._lists.clear()
        self._below.clear()
