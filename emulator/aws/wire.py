"""What crosses the border between an HTTP server and a service: plain values, no framework types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arns import Scope


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request. ``path`` and ``query`` are raw (still percent-encoded); header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WireReply:
    """One HTTP reply, complete but for what the server itself adds (length, date)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One validated call of an operation: whose it is, what is asked, and the id its reply will carry."""

    scope: Scope
    operation: str
    input: dict[str, Any]
    request_id: str


Handler = Callable[[Call], Mapping[str, Any] | None]
"""Answers a call with the operation's output (None for an empty one) or raises an `AwsError`."""
