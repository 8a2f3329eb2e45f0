"""`Shelf`: a dictionary of moto whose entries have rows of their own, and that notes which of them are reached."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, ValuesView
from typing import Any

SHELVED = "_emulator_shelved"
"""The attribute by which an entry knows its shelf and key; never stored."""

Reached = Callable[["Shelf", str], None]


class Shelf(dict[str, Any]):
    """What a request changes of an entry it has to reach through here first.

    ``owner`` is the object whose attribute ``name`` this is; ``reached`` is told of every entry that is read, put or
    removed.
    """

    __slots__ = ("_reached", "name", "owner")

    def __init__(self, owner: object, name: str, reached: Reached) -> None:
        super().__init__()
        self.owner = owner
        self.name = name
        self._reached = reached

    def place(self, key: str, value: Any) -> None:
        """Put an entry without a note."""
        vars(value)[SHELVED] = (self, key)
        dict.__setitem__(self, key, value)

    def __getitem__(self, key: str) -> Any:
        value = dict.__getitem__(self, key)
        self._reached(self, key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        value = dict.get(self, key, default)
        self._reached(self, key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self.place(key, value)
        self._reached(self, key)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **named: Any) -> None:
        for key, value in dict(*others, **named).items():
            self[key] = value

    def __delitem__(self, key: str) -> None:
        dict.__delitem__(self, key)
        self._reached(self, key)

    def pop(self, key: str, *default: Any) -> Any:
        value = dict.pop(self, key, *default)
        self._reached(self, key)
        return value

    def popitem(self) -> tuple[str, Any]:
        key, value = dict.popitem(self)
        self._reached(self, key)
        return key, value

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def __iter__(self) -> Iterator[str]:
        # Defined so that ``dict(shelf)`` goes through `__getitem__` and not past it.
        return dict.__iter__(self)

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        self._reach_all()
        return dict.values(self)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self._reach_all()
        return dict.items(self)

    def copy(self) -> dict[str, Any]:
        return dict(self.items())

    def __deepcopy__(self, memo: dict[int, Any]) -> Shelf:
        return self  # what is copied with an entry is the way back to where the entry is

    def _reach_all(self) -> None:
        for key in list(dict.keys(self)):
            self._reached(self, key)


def shelved(value: Any) -> tuple[Shelf, str] | None:
    """The shelf and key of ``value`` where it is an entry now; None when it has been removed or replaced."""
    attributes = getattr(value, "__dict__", None)
    found: tuple[Shelf, str] | None = attributes.get(SHELVED) if attributes else None
    if found is not None and dict.get(found[0], found[1]) is value:
        return found
    return None
