"""What a request reached of moto: the only things it can have changed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from emulator.cloud.services.kept import KEPT
from emulator.cloud.services.place import package_of
from emulator.cloud.services.shelf import Shelf


class Touched:
    """Backends, and entries of shelves, by identity."""

    def __init__(self) -> None:
        self.backends: dict[int, Any] = {}
        self.entries: dict[int, tuple[Shelf, dict[str, None]]] = {}
        """Shelves and keys, in the order they were reached in, which is the one that new entries are stored in."""
        self.once = False
        """Whether what a thread reached without recording is committed only once."""

    def __bool__(self) -> bool:
        return bool(self.backends or self.entries)

    def add_backend(self, backend: Any) -> None:
        self.backends[id(backend)] = backend

    def add_entry(self, shelf: Shelf, key: str) -> None:
        self.entries.setdefault(id(shelf), (shelf, {}))[1][key] = None

    def add(self, other: Touched) -> None:
        """Everything ``other`` holds as well."""
        self.backends.update(other.backends)
        for shelf, keys in other.entries.values():
            self.entries.setdefault(id(shelf), (shelf, {}))[1].update(keys)


class Recorder:
    """Collects for the calling thread; what threads that are not recording reach waits for the next commit.

    moto runs some work in threads of its own, Step Functions' executions for instance. What such a thread has reached
    is committed again and again until it ends: it may go on changing it.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._stray: dict[threading.Thread, Touched] = {}

    @contextlib.contextmanager
    def recording(self) -> Iterator[Touched]:
        """Yields what this thread reaches inside; nested recordings share it."""
        outer: Touched | None = getattr(self._local, "touched", None)
        touched = Touched() if outer is None else outer
        self._local.touched, self._local.serves = touched, True
        try:
            yield touched
        finally:
            self._local.touched = outer

    @contextlib.contextmanager
    def ignoring(self) -> Iterator[None]:
        """What this thread reaches inside is not noted."""
        outer: Touched | None = getattr(self._local, "touched", None)
        self._local.touched = Touched()
        try:
            yield
        finally:
            self._local.touched = outer

    def backend(self, backend: Any) -> None:
        """Note that ``backend`` was reached, if it is kept: S3's, which every read reaches, has rows of its own."""
        if package_of(type(backend)) not in KEPT:
            return
        touched = getattr(self._local, "touched", None)
        if touched is not None:
            touched.add_backend(backend)
            return
        with self._lock:
            self._astray().add_backend(backend)

    def entry(self, shelf: Shelf, key: str) -> None:
        """Note that an entry of a shelf was reached, put or removed."""
        touched = getattr(self._local, "touched", None)
        if touched is not None:
            touched.add_entry(shelf, key)
            return
        with self._lock:
            self._astray().add_entry(shelf, key)

    def take_stray(self) -> Touched:
        """What threads reached that were not recording."""
        taken = Touched()
        with self._lock:
            for thread, touched in list(self._stray.items()):
                taken.add(touched)
                if touched.once or not thread.is_alive():
                    del self._stray[thread]
        return taken

    def _astray(self) -> Touched:
        touched = self._stray.setdefault(threading.current_thread(), Touched())
        if getattr(self._local, "serves", False):  # a worker of ours, between two requests: it lives for ever
            touched.once = True
        return touched

    def forget(self) -> None:
        """Nothing was reached."""
        with self._lock:
            self._stray.clear()


recorder = Recorder()
