"""The operations Search and GetSearchSuggestions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from emulator.aws.wire import Call, Handler
from emulator.errors import NotBuilt, ValidationException
from emulator.sagemaker import tagging
from emulator.sagemaker.search import expression
from emulator.sagemaker.search.properties import HYPERPARAMETERS, METRICS, Properties, properties_of
from emulator.state.search import TAGS, Condition, Every, Mark, Search
from emulator.state.store import Found, Resource, Store

_PAGE = 10
_SUGGESTIONS = 100
_BY_USERS = (HYPERPARAMETERS, METRICS, TAGS)
"""What GetSearchSuggestions suggests: the properties whose names users choose."""


@dataclass(frozen=True, slots=True)
class Searchable:
    """One resource that can be searched for: AWS's name for it, its noun, and how it is shown."""

    resource: str
    noun: str
    show: Callable[[Resource], Mapping[str, Any]]
    found_by: Callable[[Resource], Mapping[str, Any]]
    """What of it can be searched for, where that is not all it shows."""

    @property
    def properties(self) -> Properties:
        return properties_of(self.resource)


def operations(store: Store, searchables: Sequence[Searchable]) -> dict[str, Handler]:
    """The handlers of the search operations."""
    known = {each.resource: each for each in searchables}

    def of(call: Call) -> Searchable:
        if call.input["Resource"] not in known:
            raise NotBuilt(
                f"{call.operation} over {call.input['Resource']} is not built in this version of the emulator."
            )
        return known[call.input["Resource"]]

    return {
        "Search": lambda call: _search(store, of(call), call),
        "GetSearchSuggestions": lambda call: _suggest(store, of(call), call),
    }


def _search(store: Store, searchable: Searchable, call: Call) -> Mapping[str, Any]:
    asked = call.input
    search = Search(
        scope=call.scope,
        noun=searchable.noun,
        condition=_condition(asked, searchable.properties),
        sort=_sort(asked.get("SortBy", "LastModifiedTime"), searchable.properties),
        descending=asked.get("SortOrder", "Descending") == "Descending",
    )
    before, after = _decode(asked) if "NextToken" in asked else (0, None)
    if asked.get("CrossAccountFilterOption") == "CrossAccount":  # no account shares anything with another here
        return {"Results": [], "TotalHits": {"Value": 0, "Relation": "EqualTo"}}
    limit = asked.get("MaxResults", _PAGE)
    found = store.search(search, limit + 1, after)
    page = found[:limit]
    answer: dict[str, Any] = {"Results": [_result(searchable, each) for each in page]}
    # What is behind this page is not counted: that would take longer than the page.
    relation = "EqualTo" if len(found) == len(page) else "GreaterThanOrEqualTo"
    answer["TotalHits"] = {"Value": before + len(found), "Relation": relation}
    if len(found) > len(page):
        answer["NextToken"] = _encode(asked, before + len(page), page[-1].mark)
    return answer


def _condition(asked: Mapping[str, Any], properties: Properties) -> Condition:
    conditions: list[Condition] = []
    if "SearchExpression" in asked:
        conditions.append(expression.read(asked["SearchExpression"], properties))
    if "VisibilityConditions" in asked:
        conditions.append(expression.visible(asked["VisibilityConditions"]))
    return Every(tuple(conditions))


def _sort(name: str, properties: Properties) -> str:
    if properties.require(name).listed:  # the service's answer is unverified
        raise ValidationException(f"Results cannot be sorted by {name}, of which a resource can have several.")
    return name


def _result(searchable: Searchable, found: Found) -> dict[str, Any]:
    shown = dict(searchable.show(found.resource))
    if found.tags:
        shown["Tags"] = tagging.to_reply(found.tags)
    return {searchable.resource: shown}


def _suggest(store: Store, searchable: Searchable, call: Call) -> Mapping[str, Any]:
    hint = call.input.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "")
    beginnings = [max(hint, own, key=len) for own in _BY_USERS if own.startswith(hint) or hint.startswith(own)]
    names = [name for each in beginnings for name in store.facts(call.scope, searchable.noun, each, _SUGGESTIONS)]
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in sorted(names)[:_SUGGESTIONS]]}


_Token = tuple[str, int, float | None, str | None, int]
"""Which search a token belongs to, how many results came before, and where its page ended."""


def _encode(asked: Mapping[str, Any], before: int, mark: Mark) -> str:
    token: _Token = (_identity(asked), before, mark.number, mark.text, mark.serial)
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _decode(asked: Mapping[str, Any]) -> tuple[int, Mark]:
    try:
        identity, before, number, text, serial = msgspec.json.decode(
            base64.urlsafe_b64decode(asked["NextToken"]), type=_Token
        )
    except (ValueError, msgspec.MsgspecError):
        raise ValidationException("Invalid NextToken") from None
    if identity != _identity(asked):
        raise ValidationException("Invalid NextToken")
    return before, Mark(number, text, serial)


def _identity(asked: Mapping[str, Any]) -> str:
    """The same for all pages of one search, and another for any other."""
    own = {member: value for member, value in asked.items() if member not in ("NextToken", "MaxResults")}
    return hashlib.sha256(msgspec.json.encode(own, order="sorted")).hexdigest()[:16]
