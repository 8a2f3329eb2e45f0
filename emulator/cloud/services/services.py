"""`Services`: every service of moto but S3, kept across a crash by one mechanism.

Before a request reaches anything of moto, it passes one of the dictionaries that `install` watches. After it, and
before its reply, what it reached is compared with what is stored, and what differs is committed: never what a request
*did*, always what moto holds *now*, read and written under one lock.
"""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

import moto

from emulator.cloud.services import secrets, shape
from emulator.cloud.services.draft import Draft
from emulator.cloud.services.install import waiting
from emulator.cloud.services.memory import Memory
from emulator.cloud.services.record import Touched, recorder
from emulator.cloud.services.rows import FORMAT, ServiceRows
from emulator.cloud.services.stored import Stored

_UNREADABLE = (pickle.UnpicklingError, AttributeError, ImportError, TypeError, LookupError, EOFError, ValueError)
_ATTEMPTS = 10


class Unstorable(OSError):
    """A request made something that cannot be stored; the message says what."""


class Services:
    """One at a time in a process, as moto's state is. `install.install` must have been called."""

    def __init__(self, rows: ServiceRows) -> None:
        self._rows = rows
        self._lock = threading.RLock()
        self._stored = Stored()
        self._memory = Memory(rows, self._stored)

    def load(self) -> None:
        """Let moto, which holds nothing, have what is stored: each service when it is first looked at.

        What another version of moto wrote is read now, whole. Raises `StateUnreadable`; moto is then to be emptied.
        """
        written_by = self._rows.meta("moto")
        recorder.forget()
        waiting.load = self._load
        waiting.services = self._rows.services()
        if written_by not in (None, moto.__version__):
            self._load_now()
        with self._rows.transaction():
            self.sign()

    def recording(self) -> AbstractContextManager[Touched]:
        """Yields what the calling thread reaches of moto inside, for `commit`."""
        return recorder.recording()

    def commit(self, touched: Touched) -> None:
        """Store what moto holds of ``touched``; durable when this returns.

        Raises OSError or sqlite3.Error when that is not possible, such as with a full disk; moto has then forgotten
        what was changed. A change of another request to the same units that is not stored yet is forgotten with it.
        """
        touched.add(recorder.take_stray())
        if not touched:
            return
        with self._lock:
            draft = self._draft(touched)
            try:
                self._write(draft)
            except (OSError, sqlite3.Error):
                self._memory.restore(draft.changed)
                raise
            draft.accept()

    def forget(self) -> None:
        """moto is going to be emptied: nothing waits to be loaded, nothing was touched."""
        waiting.forget()
        recorder.forget()
        self._stored.clear()

    @contextlib.contextmanager
    def clearing(self) -> Iterator[None]:
        """Around what empties moto and clears the rows, which are to be signed again: nothing is stored meanwhile."""
        with self._lock:
            self.forget()
            yield

    def access_keys(self) -> dict[str, str]:
        """Which account each stored access key belongs to; moto is not asked."""
        return self._rows.access_keys()

    def account_of(self, access_key: str) -> str | None:
        """The account that a key of IAM or STS belongs to; None for any other key."""
        return secrets.account_of(access_key)

    def secret_of(self, access_key: str) -> tuple[str, str | None] | None:
        """The secret and, for a session, the token of a key that IAM or STS made; None for any other."""
        return secrets.secret_of(access_key)

    def _draft(self, touched: Touched) -> Draft:
        """Tried again when another request changed what was read: moto has no locks of its own."""
        for _ in range(_ATTEMPTS - 1):
            draft = Draft(self._stored)
            with contextlib.suppress(RuntimeError):
                draft.collect(touched)
                return draft
        draft = Draft(self._stored)
        draft.collect(touched)
        return draft

    def _write(self, draft: Draft) -> None:
        for place, error in draft.refused.items():
            raise Unstorable(f"{place.service} cannot be stored: {error}") from error
        if draft.changed:
            with self._rows.transaction():
                draft.write(self._rows)

    def _load(self, service: str) -> None:
        written_by = self._rows.meta("moto") or moto.__version__
        try:
            self._memory.load(service)
        except _UNREADABLE as error:
            raise shape.unreadable(written_by, moto.__version__, f"{service}: {error!r}") from error

    def _load_now(self) -> None:
        written_by = self._rows.meta("moto") or moto.__version__
        waiting.ensure_all()
        for instance in self._stored.instances():
            lacking = shape.missing(instance)
            if lacking is not None:
                raise shape.unreadable(written_by, moto.__version__, f"{lacking} is missing")

    def sign(self) -> None:
        """Note who wrote the rows; in a transaction."""
        self._rows.set_meta("format", FORMAT)
        self._rows.set_meta("moto", moto.__version__)
