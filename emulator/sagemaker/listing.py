"""Listing resources of a noun: the filters, orders and pages that SageMaker's List operations share."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from emulator.arns import Scope
from emulator.errors import ValidationException
from emulator.state.store import Position, Query, Resource, Store

Summary = Callable[[Resource], Mapping[str, Any]]
SortColumn = Literal["name", "created_at", "status"]

_COLUMNS: Mapping[str, SortColumn] = {"Name": "name", "CreationTime": "created_at", "Status": "status"}

# Where the API documents a default page size, it is 10; the others are observed to answer with as many.
_PAGE = 10


@dataclass(frozen=True, slots=True)
class Listing:
    """How one noun is listed: its result member, one item's summary, and the documented default order."""

    noun: str
    member: str
    summary: Summary
    sort: SortColumn = "created_at"
    descending: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    """Members of the request that ask for the text of a fact, and that fact's name."""

    def page(self, store: Store, scope: Scope, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the answer to a List request."""
        query = self._query(scope, asked)
        limit = asked.get("MaxResults", _PAGE)
        after = _decode(query, asked["NextToken"]) if "NextToken" in asked else None
        found = list(store.page(query, limit + 1, after))
        answer: dict[str, Any] = {self.member: [self.summary(resource) for resource in found[:limit]]}
        if len(found) > limit:
            answer["NextToken"] = _encode(query, found[limit - 1])
        return answer

    def _query(self, scope: Scope, asked: Mapping[str, Any]) -> Query:
        order = asked.get("SortOrder")
        return Query(
            scope=scope,
            noun=self.noun,
            name_contains=asked.get("NameContains"),
            status=asked.get("StatusEquals"),
            created_after=asked.get("CreationTimeAfter"),
            created_before=asked.get("CreationTimeBefore"),
            modified_after=asked.get("LastModifiedTimeAfter"),
            modified_before=asked.get("LastModifiedTimeBefore"),
            texts={fact: asked[member] for member, fact in self.facts.items() if member in asked},
            sort=_COLUMNS[asked["SortBy"]] if "SortBy" in asked else self.sort,
            descending=self.descending if order is None else order == "Descending",
        )


_Token = tuple[str, str, bool, float | str, str]
"""Which list in which order a token belongs to, and where its page ended."""


def _encode(query: Query, last: Resource) -> str:
    value = last.key.name if query.sort == "name" else getattr(last, query.sort)
    token: _Token = (query.noun, query.sort, query.descending, value, last.key.name)
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _decode(query: Query, text: str) -> Position:
    try:
        *order, value, name = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Token)
    except (ValueError, msgspec.MsgspecError):
        raise ValidationException("Invalid NextToken") from None
    if order != [query.noun, query.sort, query.descending]:
        raise ValidationException("Invalid NextToken")
    return value, name
