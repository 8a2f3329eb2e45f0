"""The policy of a form, read: until when it holds, and its conditions."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.objects.wire_error import InvalidPolicyDocument

SIZE = "content-length-range"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")


@dataclass(frozen=True, slots=True)
class Condition:
    """``operation`` in lower case; ``arguments`` are the name of a field, with its ``$``, and a text, or two sizes."""

    operation: str
    arguments: tuple[Any, Any]

    def __str__(self) -> str:
        return json.dumps([self.operation, *self.arguments], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Document:
    """``expiration`` in seconds since the epoch."""

    expiration: float
    conditions: tuple[Condition, ...]


def read_policy(policy: str) -> Document:
    """A policy as a form has it. Raises `InvalidPolicyDocument`.

    S3's words are known for unreadable JSON, unknown members, an unreadable expiration, and the two faults of a simple
    condition; the others are unverified.
    """
    document = _json(policy)
    for name in document:
        if name not in ("expiration", "conditions"):
            raise InvalidPolicyDocument(f"Unexpected: '{str(name).lower()}'")
    for name in ("expiration", "conditions"):
        if name not in document:
            raise InvalidPolicyDocument(f"Policy missing {name}.")
    if not isinstance(document["conditions"], list):
        raise InvalidPolicyDocument("Invalid 'conditions' value: must be a List.")
    return Document(_expiration(document["expiration"]), tuple(map(_condition, document["conditions"])))


def _json(policy: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(policy, validate=True)
    except ValueError:
        raise InvalidPolicyDocument("invalid Base64 encoding.") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidPolicyDocument("Invalid JSON.")
    return document


def _expiration(value: object) -> float:
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            return datetime.fromisoformat(value).timestamp()
    except ValueError:
        pass
    raise InvalidPolicyDocument(f"Invalid 'expiration' value: '{value}'")


def _condition(value: object) -> Condition:
    if isinstance(value, dict):
        return _simple(value)
    if isinstance(value, list):
        return _operation(value)
    raise InvalidPolicyDocument("Invalid condition test: must be a List or Object.")


def _simple(value: dict[str, Any]) -> Condition:
    if len(value) != 1:
        raise InvalidPolicyDocument(
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
        )
    [(name, wanted)] = value.items()
    if not isinstance(wanted, str):
        raise InvalidPolicyDocument("Invalid Simple-Condition: value must be a string.")
    return Condition("eq", (f"${name}", wanted))


def _operation(value: list[Any]) -> Condition:
    if not value or not isinstance(value[0], str):
        raise InvalidPolicyDocument("Invalid Condition: missing operation identifier.")
    operation, arguments = value[0].lower(), value[1:]
    if operation not in ("eq", "starts-with", SIZE):
        raise InvalidPolicyDocument(f"Invalid Condition: unknown operation '{value[0]}'.")
    if len(arguments) != 2:
        raise InvalidPolicyDocument(f"Invalid {operation}: wrong number of arguments.")
    allowed = int | str if operation == SIZE else str
    if not all(isinstance(argument, allowed) and not isinstance(argument, bool) for argument in arguments):
        raise InvalidPolicyDocument("Invalid JSON.")
    return Condition(operation, (arguments[0], arguments[1]))
