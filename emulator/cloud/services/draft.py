"""What a commit will write: of everything that was touched, what differs from what is stored."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import Any

import moto.backends

from emulator.cloud.services import pickles
from emulator.cloud.services.kept import KEPT
from emulator.cloud.services.layout import layout_of
from emulator.cloud.services.place import Place
from emulator.cloud.services.record import Touched
from emulator.cloud.services.rows import ServiceRows, Unit
from emulator.cloud.services.shelf import Shelf
from emulator.cloud.services.stored import Listed, Stored, digest_of

SEGMENT = 256
"""Items in a full segment; the last one is written again until it is full."""


@dataclass(frozen=True, slots=True)
class _Grown:
    """The segments of a list from ``start`` on; ``listed`` is what is stored afterwards."""

    place: Place
    name: str
    start: int
    segments: list[bytes]
    listed: Listed


class Draft:
    """Collected without a write; `write` puts it into the rows, `accept` tells `Stored` that it is there."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._seen: set[Place] = set()
        self._waiting: collections.deque[tuple[Place, Any]] = collections.deque()
        self._units: dict[Place, tuple[Unit, Any, bytes]] = {}
        self._dropped: list[Place] = []
        self._grown: list[_Grown] = []
        self.refused: dict[Place, Exception] = {}
        """Units that cannot be pickled."""

    @property
    def changed(self) -> set[Place]:
        """Every place that would be written."""
        return {*self._units, *self._dropped, *self.refused, *(grown.place for grown in self._grown)}

    def collect(self, touched: Touched) -> None:
        """Compare what moto holds now. Raises RuntimeError where moto changed it meanwhile."""
        for backend in list(touched.backends.values()):
            self._add(backend)
        for shelf, keys in list(touched.entries.values()):
            self._add_entries(shelf, keys)
        while self._waiting:
            self._compare(*self._waiting.popleft())

    def write(self, rows: ServiceRows) -> None:
        """Inside a transaction."""
        for place in self._dropped:
            rows.drop(place)
        for unit, _, _ in sorted(self._units.values(), key=lambda each: each[0].place.depth):
            rows.put_unit(unit)
        for grown in self._grown:
            rows.cut_segments(grown.place, grown.name, grown.start)
            for number, items in enumerate(grown.segments):
                rows.put_segment(grown.place, grown.name, grown.start + number * SEGMENT, items)

    def accept(self) -> None:
        """It is written."""
        for place in self._dropped:
            self._stored.drop(place)
        for place, (_, instance, digest) in self._units.items():
            self._stored.put(place, instance, digest)
        for grown in self._grown:
            self._stored.put_list(grown.place, grown.name, grown.listed)

    def _add(self, instance: Any) -> None:
        place = pickles.place_of(instance)
        if place is None or place in self._seen or place.service not in KEPT:
            return
        if place.path or _is_current(place, instance):
            self._seen.add(place)
            self._waiting.append((place, instance))

    def _add_entries(self, shelf: Shelf, keys: dict[str, None]) -> None:
        owner = pickles.place_of(shelf.owner)
        if owner is None or vars(shelf.owner).get(shelf.name) is not shelf or not self._belongs(owner, shelf.owner):
            return
        for key in list(keys):
            value = dict.get(shelf, key)
            place = owner.entry(shelf.name, key)
            if value is not None:
                self._add(value)
            elif self._stored.instance(place) is not None:
                self._dropped.append(place)

    def _belongs(self, place: Place, owner: Any) -> bool:
        """Whether the owner of an entry is stored, or is going to be; a forgotten backend's is not."""
        if self._stored.instance(place) is not owner:
            self._add(owner)
        return self._stored.instance(place) is owner or place in self._seen

    def _compare(self, place: Place, instance: Any) -> None:
        known = self._stored.instance(place)
        replaced = known is not None and known is not instance
        if replaced:
            self._dropped.append(place)
        try:
            state, others = pickles.dump_unit(instance)
        except _UNPICKLABLE as error:
            self.refused[place] = error
            return
        kind = f"{type(instance).__module__}:{type(instance).__qualname__}"
        digest = digest_of(kind, state)
        if not self._stored.holds(place, instance, digest):
            self._units[place] = (Unit(place, kind, state), instance, digest)
        for name in layout_of(type(instance)).lists:
            self._compare_list(place, name, vars(instance)[name], Listed(0, None) if replaced else None)
        self._follow(instance, others, known is instance)

    def _compare_list(self, place: Place, name: str, items: list[Any], known: Listed | None) -> None:
        known = known or self._stored.listed(place, name)
        count = len(items)
        if known.is_start_of(items):
            start = known.count // SEGMENT * SEGMENT
            if count == known.count:
                return
        else:
            start = 0
        segments = []
        for first in range(start, count, SEGMENT):
            data, others = pickles.dump(items[first : min(first + SEGMENT, count)], place.service)
            segments.append(data)
            self._add_new(others)
        self._grown.append(_Grown(place, name, start, segments, Listed.of(items, count)))

    def _follow(self, instance: Any, others: list[Any], known: bool) -> None:
        """A unit may change another one that it holds, without looking it up again; and it needs those it names."""
        self._add_new(others)
        if not known:
            for name in layout_of(type(instance)).shelves:
                for entry in list(dict.values(vars(instance)[name])):
                    self._add(entry)

    def _add_new(self, others: list[Any]) -> None:
        for other in others:
            place = pickles.place_of(other)
            if place is not None and (not place.path or self._stored.instance(place) is not other):
                self._add(other)


_UNPICKLABLE = (pickles.Unpicklable, TypeError, AttributeError, NotImplementedError)


def _is_current(place: Place, backend: Any) -> bool:
    """Whether moto still has the backend: a reset forgets them all."""
    accounts: Any = moto.backends.get_backend(place.service)  # type: ignore[call-overload]
    return dict.get(dict.get(accounts, place.account, {}), place.region) is backend
