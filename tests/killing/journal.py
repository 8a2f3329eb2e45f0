"""What clients know of the objects they changed: what was acknowledged, and what was asked for and not answered.

A key's state is its versions: none, one of a bucket without versions, several of a bucket with them. A change is a
new state, with the moments at which it was sent and answered, so that changes of several clients to one key can be
told apart from those that came one after the other.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Key:
    bucket: str
    name: str


@dataclass(frozen=True, slots=True)
class Content:
    """What one write stored. ``write`` is its id, kept in the object's metadata; ``etags`` are those it may have."""

    write: str
    sha256: str
    md5: str
    size: int
    etags: frozenset[str]
    tags: frozenset[tuple[str, str]] = frozenset()

    def shows(self, seen: Content) -> bool:
        """Whether ``seen``, which has one ETag, is this write and nothing of another."""
        return seen.etags <= self.etags and replace(self, etags=seen.etags) == seen


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key; without a content it is a delete marker. ``id`` is None where nobody told it."""

    content: Content | None
    id: str | None = None

    def shows(self, seen: Version) -> bool:
        """Whether ``seen`` is this version."""
        if self.id not in (None, seen.id):
            return False
        if self.content is None or seen.content is None:
            return self.content is seen.content
        return self.content.shows(seen.content)


State = tuple[Version, ...]
"""The versions of a key, the current one first."""


def arranged(expected: State, seen: State) -> State | None:
    """``seen`` in the order of ``expected``; None unless it is that state.

    Of what is seen the current version alone has a known place: S3 lists delete markers apart from the others.
    """
    if len(expected) != len(seen) or (expected and not expected[0].shows(seen[0])):
        return None
    found, rest = list(seen[:1]), list(seen[1:])
    for version in expected[1:]:
        same = next((other for other in rest if version.shows(other)), None)
        if same is None:
            return None
        rest.remove(same)
        found.append(same)
    return tuple(found)


@dataclass(slots=True)
class Change:
    """One change of a key. ``upload`` is the multipart upload it ends, ``ended`` the moment it was acknowledged."""

    key: Key
    after: State
    upload: str | None = None
    began: float = field(default_factory=time.monotonic)
    ended: float = math.inf

    @property
    def acknowledged(self) -> bool:
        return self.ended < math.inf


@dataclass(slots=True)
class Upload:
    """An open multipart upload: its parts by number, as sent; those in ``sure`` were acknowledged."""

    key: Key
    id: str
    write: str
    seeds: dict[int, int] = field(default_factory=dict)
    etags: dict[int, str] = field(default_factory=dict)
    sure: set[int] = field(default_factory=set)
    ending: bool = False
    """A complete or an abort was sent: it may be gone."""


class Journal:
    """What all clients know. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self.starting: set[Key] = set()
        """Keys for which an upload was asked for without an answer."""
        self._changes: dict[Key, list[Change]] = {}
        self._touched: set[Key] = set()
        self._lock = threading.Lock()

    def begin(self, key: Key, after: State, upload: str | None = None) -> Change:
        """A change is about to be sent."""
        change = Change(key, after, upload)
        with self._lock:
            self._touched.add(key)
            self._changes.setdefault(key, [_nothing(key)]).append(change)
        return change

    def acknowledge(self, change: Change, version: str | None = None) -> None:
        """A change was answered; ``version`` is the id of the version it made."""
        if version is not None:
            change.after = (replace(change.after[0], id=version), *change.after[1:])
        change.ended = time.monotonic()

    def current(self, key: Key) -> State:
        """What a key holds that one client alone changes."""
        with self._lock:
            known = [change for change in self._changes.get(key, []) if change.acknowledged]
        return known[-1].after if known else ()

    def possible(self, key: Key) -> list[Change]:
        """The changes of which each may have been the last: those that no acknowledged one came after."""
        with self._lock:
            changes = self._changes.get(key, [_nothing(key)])
            latest = max(change.began for change in changes if change.acknowledged)
            return [change for change in changes if change.ended >= latest]

    def settle(self, key: Key, seen: State) -> None:
        """A key was looked at while nobody changed it: that is its state, and no other comes back."""
        known = (arranged(change.after, seen) for change in self.possible(key))
        state = next(state for state in known if state is not None)
        with self._lock:
            now = time.monotonic()
            self._changes[key] = [Change(key, state, began=now, ended=now)]
            self._touched.discard(key)

    def every_key(self) -> set[Key]:
        """Every key there ever was."""
        with self._lock:
            return set(self._changes)

    def touched(self) -> set[Key]:
        """The keys that were changed since they were looked at."""
        with self._lock:
            return set(self._touched)


def _nothing(key: Key) -> Change:
    return Change(key, (), began=-math.inf, ended=-math.inf)
