"""JSON bytes to values and back, as strictly as AWS reads them."""

from __future__ import annotations

import json
from typing import Any

from emulator.errors import SerializationException


def read(body: bytes) -> Any:
    """The JSON value of ``body`` (UTF-8); SerializationException when it is none."""
    try:
        document = json.loads(body.decode(), parse_constant=_refuse)
        if b"\\u" in body:
            _refuse_lone_surrogates(document)
    except (ValueError, RecursionError) as error:
        raise SerializationException("Could not parse the request body as JSON.") from error
    return document


def read_object(body: bytes) -> Any:
    """Like `read`, with an empty body meaning ``{}``: clients send nothing for an operation without input."""
    return read(body) if body.strip() else {}


def write(value: Any) -> bytes:
    """Compact JSON. NaN and infinities have no JSON form and are refused; the dumpers spell them as strings."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _refuse_lone_surrogates(document: Any) -> None:
    """Half a character cannot be stored or sent on as UTF-8; UnicodeEncodeError (a ValueError) says so here."""
    json.dumps(document, ensure_ascii=False).encode()
