"""Scalars as JSON carries them: how each type is read from a request and written into a reply.

A reader raises SerializationException for a value of another type; a writer raises TypeError or ValueError, because
a wrong type in an answer is a mistake of ours and must not reach a client.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

from emulator.aws import timestamps
from emulator.aws.model import Shape
from emulator.errors import SerializationException

Convert = Callable[[Any], Any]

SCALARS = frozenset({"string", "integer", "long", "float", "double", "boolean", "blob", "timestamp"})

SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Floats without a JSON number, by their spelling on the wire."""

BITS = {"integer": 31, "long": 63}


def mismatch(value: Any, wanted: str) -> SerializationException:
    """The error for a JSON value of the wrong type, in the words of AWS's own JSON reader."""
    match value:
        case dict():
            return SerializationException("Start of structure or map found where not expected.")
        case list():
            return SerializationException("Start of list found where not expected.")
        case bool():
            kind = "TRUE_VALUE" if value else "FALSE_VALUE"
        case str():
            kind = "STRING_VALUE"
        case None:
            kind = "NULL_VALUE"
        case _:
            kind = "NUMBER_VALUE"
    article = "an" if wanted[0] in "AEIOU" else "a"
    return SerializationException(f"{kind} can not be converted to {article} {wanted}")


def reader(shape: Shape, timestamp_format: str = "unixTimestamp") -> Convert:
    """How to read a JSON value of scalar ``shape``; timestamps become epoch seconds, blobs bytes."""
    kind = shape["type"]
    if kind == "timestamp":
        return _timestamp_reader(shape.get("timestampFormat", timestamp_format))
    return _whole_number_reader(kind) if kind in BITS else _READERS[kind]


def _read_string(value: Any) -> str:
    if value.__class__ is not str:
        raise mismatch(value, "String")
    return value


def _read_boolean(value: Any) -> bool:
    if value.__class__ is not bool:
        raise mismatch(value, "Boolean")
    return value


def _read_float(value: Any) -> float:
    if value.__class__ is float:
        return value
    if value.__class__ is int:
        try:
            return float(value)
        except OverflowError as error:
            raise SerializationException("A number is too large for a Double") from error
    if value.__class__ is str and value in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[value]
    raise mismatch(value, "Double")


def _read_blob(value: Any) -> bytes:
    text = _read_string(value)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SerializationException("A blob is not valid base64") from error


def _whole_number_reader(kind: str) -> Convert:
    name = kind.capitalize()
    limit = 1 << BITS[kind]

    def read(value: Any) -> int:
        if value.__class__ is float and value.is_integer():
            value = int(value)
        if value.__class__ is not int:
            raise mismatch(value, name)
        if not -limit <= value < limit:
            raise SerializationException(f"NUMBER_VALUE is out of range for {name}")
        return value

    return read


def _timestamp_reader(notation: str) -> Convert:
    parse = timestamps.READ[notation]
    expected = (int, float) if notation == "unixTimestamp" else (str,)

    def read(value: Any) -> float:
        if value.__class__ not in expected:
            raise mismatch(value, "Timestamp")
        try:
            return parse(value)
        except (ValueError, OverflowError) as error:
            raise SerializationException("A timestamp is not valid") from error

    return read


_READERS: dict[str, Convert] = {
    "string": _read_string,
    "boolean": _read_boolean,
    "float": _read_float,
    "double": _read_float,
    "blob": _read_blob,
}


def writer(shape: Shape, timestamp_format: str = "unixTimestamp") -> Convert:
    """How to write a scalar of ``shape`` as a JSON value."""
    if shape["type"] == "timestamp":
        notation = shape.get("timestampFormat", timestamp_format)
        return timestamps.epoch if notation == "unixTimestamp" else timestamps.WRITE[notation]
    return _WRITERS[shape["type"]]


def _write_string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string was expected, not {type(value).__name__}")
    return value


def _write_whole_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number was expected, not {type(value).__name__}")
    return value


def _write_float(value: Any) -> float | str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number was expected, not {type(value).__name__}")
    return value if math.isfinite(value) else special_float(value)


def special_float(value: float) -> str:
    """``NaN``, ``Infinity`` or ``-Infinity``."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _write_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"a boolean was expected, not {type(value).__name__}")
    return value


def _write_blob(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


_WRITERS: dict[str, Convert] = {
    "string": _write_string,
    "integer": _write_whole_number,
    "long": _write_whole_number,
    "float": _write_float,
    "double": _write_float,
    "boolean": _write_boolean,
    "blob": _write_blob,
}
