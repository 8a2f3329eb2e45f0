"""Presigned URLs and forms: their signatures, against the keys that the emulator knows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from emulator.objects import presigned
from emulator.objects.sent import PRESERVED, SENT_HOST, SENT_URI, Sent
from emulator.objects.signature import SecretOf

_OUTSIDE = ("CONTENT_TYPE", "CONTENT_LENGTH")


def verify(environ: Mapping[str, Any], secret_of: SecretOf) -> None:
    """Refuse a presigned request that is expired, malformed or not what was signed. Raises `WireError`.

    Signatures in headers are not looked at, here or anywhere: there the client proves nothing but that it has a key,
    and any key will do. A presigned URL or form is something that a program hands on, and what it allows is a part of
    what the program does.
    """
    if is_presigned(environ) and environ["REQUEST_METHOD"] != "OPTIONS":  # a browser asks first, about another method
        presigned.verify(sent(environ), time.time(), secret_of)


def is_presigned(environ: Mapping[str, Any]) -> bool:
    """Whether a request is signed in its query."""
    return presigned.is_presigned(environ["QUERY_STRING"])


def sent(environ: Mapping[str, Any]) -> Sent:
    """A request as the client sent it."""
    path, _, query = str(environ.get(SENT_URI, environ["RAW_URI"])).partition("?")
    host = str(environ.get(SENT_HOST, environ.get("HTTP_HOST", "")))
    bucket = None if environ["RAW_URI"].partition("?")[0] == path else environ["RAW_URI"].split("/", 2)[1]
    return Sent(environ["REQUEST_METHOD"], path, query, {**_headers(environ), "host": host}, bucket)


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    spelling: Mapping[str, str] = environ.get(PRESERVED, {})
    return {
        spelling.get(name, name.removeprefix("HTTP_").replace("_", "-")).lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in _OUTSIDE
    }
