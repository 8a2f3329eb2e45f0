"""moto's memory, filled from the rows: a service at a time, and units again whose change could not be stored."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

import moto.backends

from emulator.cloud.services import pickles, references
from emulator.cloud.services.install import make_shelf, waiting
from emulator.cloud.services.layout import count_on, layout_of
from emulator.cloud.services.place import Place
from emulator.cloud.services.rows import ServiceRows, Unit
from emulator.cloud.services.shelf import SHELVED
from emulator.cloud.services.stored import Listed, Stored, digest_of


class Memory:
    """Gives moto what `ServiceRows` hold, and what units refer to; ``stored`` learns what is loaded."""

    def __init__(self, rows: ServiceRows, stored: Stored) -> None:
        self._rows = rows
        self._stored = stored

    def load(self, service: str) -> None:
        """Everything of one service, into a moto that holds nothing of it; when that fails it still holds nothing."""
        units = self._rows.units(service)
        try:
            self._load(units)
        except BaseException:
            for place in {unit.place for unit in units if not unit.place.path}:
                dict.pop(_backends(place.service)[place.account], place.region, None)
                self._stored.drop(place)
            raise

    def _load(self, units: list[Unit]) -> None:
        made = [self._make(unit) for unit in units]  # all before the first is filled: they may refer to each other
        for unit, instance in zip(units, made, strict=True):
            self._fill(unit.place, instance, unit.state)
            self._stored.put(unit.place, instance, digest_of(unit.kind, unit.state))

    def unit(self, place: Place) -> Any:
        """What lives at ``place``; None for an entry that was removed."""
        waiting.ensure(place.service)
        found = self._stored.instance(place)
        if found is None and not place.path:
            return _backends(place.service)[place.account][place.region]
        return found

    def backends(self, service: str, account: str | None) -> Any:
        """All backends of a service, or those of one account."""
        found = _backends(service)
        return found if account is None else found[account]

    def held(self, place: Place, steps: tuple[Any, ...]) -> Any:
        """What the backend at ``place`` holds there; None when it does not any more."""
        return references.follow(self.unit(place), steps)

    def restore(self, places: Iterable[Place]) -> None:
        """What is stored at ``places`` in place of what moto holds there."""
        for place in sorted(places, key=lambda place: place.depth):
            instance, state = self._stored.instance(place), self._rows.state(place)
            if instance is None or state is None:
                self._remove(place)
            else:
                self._put_back(place, instance, state)

    def _put_back(self, place: Place, instance: Any, state: bytes) -> None:
        layout = layout_of(type(instance))
        for name in list(vars(instance)):
            if name != SHELVED and name not in layout.shelves:
                del vars(instance)[name]
        self._attach(place, instance)
        self._fill(place, instance, state)

    def _remove(self, place: Place) -> None:
        """What was never stored was never there."""
        if not place.path:
            dict.pop(_backends(place.service)[place.account], place.region, None)
            return
        owner, shelf, key = place.split()
        held = self._stored.instance(owner)
        if held is not None:
            dict.pop(vars(held)[shelf], key, None)

    def _make(self, unit: Unit) -> Any:
        """An instance without its own attributes, where it belongs."""
        module, _, name = unit.kind.partition(":")
        kind: Any = importlib.import_module(module)
        for part in name.split("."):
            kind = getattr(kind, part)
        instance: Any = object.__new__(kind)
        for shelf in layout_of(type(instance)).shelves:
            vars(instance)[shelf] = make_shelf(instance, shelf)
        self._stored.put(unit.place, instance, b"")
        self._attach(unit.place, instance)
        return instance

    def _attach(self, place: Place, instance: Any) -> None:
        if not place.path:
            dict.__setitem__(_backends(place.service)[place.account], place.region, instance)
            return
        owner, shelf, key = place.split()
        vars(self._stored.instance(owner))[shelf].place(key, instance)

    def _fill(self, place: Place, instance: Any, state: bytes) -> None:
        layout = layout_of(type(instance))
        vars(instance).update(pickles.load(state, self))
        for name, kind in layout.passing.items():
            vars(instance)[name] = kind()
        for name in layout.lists:
            items = [item for data in self._rows.segments(place, name) for item in pickles.load(data, self)]
            vars(instance)[name] = items
            self._stored.put_list(place, name, Listed.of(items, len(items)))
            for item in items[-1:]:
                count_on(type(item), item)


def _backends(service: str) -> Any:
    return moto.backends.get_backend(service)  # type: ignore[call-overload]
