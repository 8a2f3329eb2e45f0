"""The Store port: resources as documents, each change in one transaction with the transition that caused it.

A resource keeps the request as it was sent (``request``) and what the emulator computed since (``state``); replies are
projections of the two. Every implementation passes one contract suite (``tests/contract/test_store.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from emulator.arns import Scope
from emulator.state.search import Mark, Search

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """What identifies a resource: its scope, its noun (``training-job``, ``endpoint`` ...) and its name."""

    scope: Scope
    noun: str
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. Times are seconds since the epoch; ``uid`` tells two resources of one name apart."""

    key: Key
    uid: str
    arn: str
    status: str
    created_at: float
    modified_at: float
    request: Document = field(default_factory=dict)
    state: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """Something that happened to a resource: the event's name and its content, as JSON."""

    at: float
    event: str
    detail: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """Which resources of one noun to list, in which order. Times are exclusive bounds in seconds since the epoch."""

    scope: Scope
    noun: str
    name_contains: str | None = None
    status: str | None = None
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    """Facts and the text that each must have."""
    sort: Literal["name", "created_at", "status"] = "created_at"
    descending: bool = False


Position = tuple[Any, str]
"""Where a page ended: the sort column's value and the name of its last resource."""


@dataclass(frozen=True, slots=True)
class Found:
    """One result of a search: the resource with its tags, and its place in the order."""

    resource: Resource
    tags: Mapping[str, str]
    mark: Mark


class AlreadyExists(Exception):
    """A resource of that key is there already; ``args[0]`` is that resource's ARN."""


class StoreUnavailable(Exception):
    """The database cannot be read or written now: the disk is full, or somebody holds it. Nothing was changed."""


class Missing(Exception):
    """No resource of that key (and uid) exists."""


class Store(Protocol):
    """Durable resources. What a method has answered survives the end of the process, however it comes.

    Every method may raise `StoreUnavailable`.
    """

    def insert(self, resource: Resource, transition: Transition | None = None, tags: Document | None = None) -> None:
        """Add a resource with its first transition and its tags, all or nothing. Raises `AlreadyExists`."""
        ...

    def save(self, resource: Resource, transition: Transition | None = None) -> None:
        """Replace the resource of that key and uid and append the transition, both or neither. Raises `Missing`."""
        ...

    def get(self, key: Key) -> Resource | None:
        """The resource of that key, or None."""
        ...

    def delete(self, key: Key) -> None:
        """Remove the resource with its transitions and tags; nothing happens when it is not there."""
        ...

    def scan(self, noun: str, statuses: Collection[str] | None = None) -> Iterator[Resource]:
        """Every resource of a noun in all scopes, oldest first; only those in one of ``statuses`` when given."""
        ...

    def page(self, query: Query, limit: int, after: Position | None = None) -> Sequence[Resource]:
        """At most ``limit`` resources of a query, those behind ``after`` in its order."""
        ...

    def search(self, search: Search, limit: int, after: Mark | None = None) -> Sequence[Found]:
        """At most ``limit`` results of a search, those behind ``after`` in its order."""
        ...

    def facts(self, scope: Scope, noun: str, beginning: str, limit: int) -> Sequence[str]:
        """At most ``limit`` names of facts of a noun that begin so, in their order."""
        ...

    def history(self, resource: Resource) -> Sequence[Transition]:
        """The transitions of a resource, oldest first."""
        ...

    def tags(self, arn: str) -> dict[str, str] | None:
        """The tags of the resource with that ARN, in the order they were added; None when there is none such."""
        ...

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags, or overwrite those of the same key."""
        ...

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags; unknown keys are passed over."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def close(self) -> None:
        """Give back the database."""
        ...
