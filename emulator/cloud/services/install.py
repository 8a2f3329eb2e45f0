"""The changes made to moto so that what a request reaches is noted, and what is stored is loaded when it is wanted."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from moto.core import base_backend
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

from emulator.cloud.services.layout import imported, layout_of
from emulator.cloud.services.place import package_of
from emulator.cloud.services.record import recorder
from emulator.cloud.services.shelf import Shelf

# moto holds this lock while it makes a backend, which may look at others: a lock of our own would be taken in both
# orders.
load_lock: Any = base_backend.backend_lock

_READS = ("__getitem__", "get", "items", "keys", "values", "__iter__", "__len__", "__contains__")


class Waiting:
    """The services whose rows wait to be loaded, and what loads them: when the service is first looked at."""

    def __init__(self) -> None:
        self.services: set[str] = set()
        self.load: Callable[[str], None] = lambda _service: None
        self._busy: set[str] = set()

    def ensure(self, service: str) -> None:
        """Load ``service`` if it waits; other threads stay here until that is done. Raises `StateUnreadable`."""
        if service not in self.services:
            return
        with load_lock:
            if service in self.services and service not in self._busy:
                self._load(service)

    def ensure_all(self) -> None:
        """Load every service that waits."""
        for service in sorted(self.services):
            self.ensure(service)

    def forget(self) -> None:
        """Nothing waits."""
        self.services = set()

    def _load(self, service: str) -> None:
        self._busy.add(service)
        try:
            self.load(service)
            self.services.discard(service)
        finally:
            self._busy.discard(service)


waiting = Waiting()


class _InUse(list[Any]):
    """moto's list of services in use: what looks through all of them, as the tagging API does, wants all loaded."""

    def __iter__(self) -> Iterator[Any]:
        waiting.ensure_all()
        return super().__iter__()


_adopt_lock = threading.Lock()
_adopted: set[type] = set()


@functools.cache
def install() -> None:
    """Apply all hooks, once in a process."""
    _load_before_reading()
    _note_backends()
    _leave_visits_out()
    _adopt_new_services()
    _copy_no_backend()
    _adopt_imported()


def make_shelf(owner: object, name: str) -> Shelf:
    """An empty shelf that tells the recorder what is reached."""
    return Shelf(owner, name, recorder.entry)


def _load_before_reading() -> None:
    for name in _READS:
        setattr(BackendDict, name, _loading(getattr(BackendDict, name)))
    BackendDict._instances = _InUse(BackendDict._instances)  # type: ignore[misc]


def _loading(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def loaded(self: BackendDict[Any], *args: Any) -> Any:
        if waiting.services:
            waiting.ensure(package_of(self.backend))
        return method(self, *args)

    return loaded


def _note_backends() -> None:
    """Whatever way a backend is taken from its account's dictionary, the recorder is told."""
    original = AccountSpecificBackend.__getitem__

    def __getitem__(self: AccountSpecificBackend[Any], region: str) -> Any:  # noqa: N807 - it is moto's
        backend = original(self, region)
        recorder.backend(backend)
        return backend

    AccountSpecificBackend.__getitem__ = __getitem__  # type: ignore[method-assign]
    for name in ("values", "items", "get"):
        setattr(AccountSpecificBackend, name, _noting_all(getattr(dict, name)))


def _noting_all(method: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: AccountSpecificBackend[Any], *args: Any) -> Any:
        for backend in list(dict.values(self)):
            recorder.backend(backend)
        return method(self, *args)

    return noted


def _leave_visits_out() -> None:
    """Each request, of any service, looks into IAM to note when its key was last used. That is not worth pickling all
    of IAM for: it is stored with the next change of IAM."""
    from moto.iam import models

    original = models.mark_account_as_visited

    def mark_account_as_visited(**given: Any) -> None:
        with recorder.ignoring():
            original(**given)

    models.mark_account_as_visited = mark_account_as_visited  # type: ignore[assignment]


def _adopt_new_services() -> None:
    """A service's backends are the last thing its module makes: by then its classes are there."""
    original = BackendDict.__init__

    def __init__(self: BackendDict[Any], *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is moto's
        original(self, *args, **kwargs)
        _adopt_imported()

    BackendDict.__init__ = __init__  # type: ignore[method-assign]


def _adopt_imported() -> None:
    with _adopt_lock:
        for kind in imported():
            if kind not in _adopted:
                _adopted.add(kind)
                _adopt(kind)


def _adopt(kind: Any) -> None:
    if layout_of(kind).shelves:
        _shelve(kind)
    else:
        _stop_tracking(kind)


def _shelve(kind: Any) -> None:
    """Let new instances of ``kind`` have shelves in place of the dictionaries that their layout names."""
    original = kind.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is moto's
        original(self, *args, **kwargs)
        for name in layout_of(type(self)).shelves:
            shelf = make_shelf(self, name)
            shelf.update(vars(self)[name])
            vars(self)[name] = shelf

    kind.__init__ = __init__


def _stop_tracking(kind: Any) -> None:
    """moto lists every instance of every model for its dashboard, and so keeps all that was ever deleted."""

    def __new__(cls: type, *_args: Any, **_kwargs: Any) -> Any:  # noqa: N807 - it is moto's
        return object.__new__(cls)

    kind.__new__ = __new__


def _copy_no_backend() -> None:
    """moto copies a Lambda function with everything that it refers to, so that a version of it logs to nowhere."""
    BaseBackend.__deepcopy__ = lambda self, _memo: self  # type: ignore[attr-defined]
