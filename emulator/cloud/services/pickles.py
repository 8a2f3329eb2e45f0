"""Pickles of moto's state, one unit each: what has a place of its own is pickled as that place."""

from __future__ import annotations

import collections
import functools
import io
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.core.common_models import BaseModel

from emulator.cloud.services import plain, references
from emulator.cloud.services.layout import ENTRIES, full_name, layout_of
from emulator.cloud.services.place import Place, package_of
from emulator.cloud.services.shelf import SHELVED, shelved

Rule = Callable[[Any], Any]

_LOCKS: dict[type, Callable[[], Any]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
    threading.Event: threading.Event,
}

_CRYPTOGRAPHY: dict[str, Rule] = {
    "Certificate": lambda found: (plain.certificate, (plain.der_of_certificate(found),)),
    "ECPrivateKey": lambda found: (plain.private_key, (plain.der_of(found),)),
    "Ed25519PrivateKey": lambda found: (plain.private_key, (plain.der_of(found),)),
    "RSAPrivateKey": lambda found: (plain.private_key, (plain.der_of(found),)),
}
"""What ``cryptography`` makes in Rust cannot be pickled."""

_DOCKER = "_DockerModel__docker_client"
"""A connection, which moto opens when there is none."""

Unpicklable = pickle.PicklingError


class Found(Protocol):
    """Gives a pickle what it refers to."""

    def unit(self, place: Place) -> Any:
        """A backend or an entry; None when the entry was removed."""

    def backends(self, service: str, account: str | None) -> Any:
        """All backends of a service, or those of one account."""

    def held(self, place: Place, steps: tuple[Any, ...]) -> Any:
        """What a backend of another service holds: an attribute's name, then keys."""


def place_of(value: Any) -> Place | None:
    """Where ``value`` lives when it is a backend, or an entry of a shelf now."""
    if isinstance(value, BaseBackend):
        return Place(package_of(type(value)), value.account_id, value.region_name)
    found = shelved(value)
    owner = place_of(found[0].owner) if found else None
    return owner.entry(found[0].name, found[1]) if found and owner else None


def dump_unit(unit: Any) -> tuple[bytes, list[Any]]:
    """The pickle of a unit's own attributes, and the other units that it refers to."""
    layout = layout_of(type(unit))
    state = {name: value for name, value in vars(unit).items() if name != SHELVED and not layout.apart(name)}
    return dump(state, package_of(type(unit)))


def dump(value: object, service: str) -> tuple[bytes, list[Any]]:
    """The pickle of something that belongs to ``service``, and the units that it refers to."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, service)
    pickler.dump(value)
    return buffer.getvalue(), pickler.units


def load(data: bytes, found: Found) -> Any:
    """What was dumped; ``found`` answers what it refers to."""
    return _Unpickler(io.BytesIO(data), found).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, service: str) -> None:
        super().__init__(file, protocol=5)
        self._service = service
        self.units: list[Any] = []

    def reducer_override(self, obj: Any) -> Any:
        kind: Any = type(obj)  # mypy thinks that `type[Any]` has no hash
        rule = _rule(kind)
        if rule is not None:
            return rule(obj)
        return self._refer(obj) if _may_live_elsewhere(kind, self._service) else NotImplemented

    def _refer(self, obj: Any) -> Any:
        place = place_of(obj)
        if place is not None:
            self.units.append(obj)
            return references.unit, tuple(place)
        if package_of(type(obj)) not in (self._service, "core", "utilities", ""):
            held = references.locate(obj)
            if held is not None:
                return references.held, held
        vars(obj).pop(SHELVED, None)  # an entry that was removed, and somebody still holds
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, found: Found) -> None:
        super().__init__(file)
        self._found = found

    def find_class(self, module: str, name: str) -> Any:
        if module != references.__name__:
            return super().find_class(module, name)
        answers: dict[str, Callable[..., Any]] = {
            "unit": lambda *place: self._found.unit(Place(*place)),
            "backends": self._found.backends,
            "held": lambda place, steps: self._found.held(Place(*place), steps),
        }
        return answers.get(name) or super().find_class(module, name)


@functools.cache
def _may_live_elsewhere(kind: Any, service: str) -> bool:
    """Whether an instance can have a place of its own, seen from a unit of ``service``."""
    if issubclass(kind, BaseBackend):
        return True
    return issubclass(kind, BaseModel) and (package_of(kind) != service or full_name(kind) in ENTRIES)


@functools.cache
def _rule(kind: Any) -> Rule | None:
    """How instances of ``kind`` are pickled where Python or moto has no way of its own."""
    lock = _LOCKS.get(kind)
    if lock is not None:
        return lambda _: (lock, ())
    if issubclass(kind, BackendDict):
        return lambda found: (references.backends, (package_of(found.backend), None))
    if issubclass(kind, AccountSpecificBackend):
        return lambda found: (references.backends, (package_of(found.backend), found.account_id))
    if kind.__module__.startswith("cryptography."):
        return _CRYPTOGRAPHY.get(kind.__name__)
    if issubclass(kind, weakref.WeakValueDictionary):
        return lambda found: (plain.weak_values, (), dict(found), None, None, plain.fill)
    if kind is collections.defaultdict:
        return _default
    if issubclass(kind, dict) and package_of(kind):
        return _mapping
    if issubclass(kind, threading.Thread):
        return _thread
    if any(base.__name__ == "DockerModel" for base in kind.__mro__):
        return lambda found: (plain.blank, (kind,), {**vars(found), _DOCKER: None})
    return None


def _default(found: collections.defaultdict[Any, Any]) -> Any:
    """A defaultdict whose factory may be a lambda, which has no name to be found by again."""
    return plain.default, (plain.factory_of(found),), dict(found), None, None, plain.fill


def _thread(found: Any) -> Any:
    """What moto does in a thread and keeps its results in; the thread itself ends with the process."""
    return plain.blank, (type(found),), plain.results(found), None, None, plain.fill_thread


def _mapping(found: Any) -> Any:
    """moto's own dictionaries: their attributes and their items, past methods that would change either."""
    factory = plain.factory_of(found) if isinstance(found, collections.defaultdict) else None
    state = (factory, dict(vars(found)), dict(dict.items(found)))
    return plain.blank, (type(found),), state, None, None, plain.fill_mapping
