"""Names in a body: the keys that a request changes whose path names only a bucket, so that it waits for no others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from emulator.objects.wire_error import MaxMessageLengthExceeded

NAMED = "emulator.s3.named"
"""Where a WSGI environ has the keys that its body names."""
LARGEST = 2 << 20
"""How many bytes a deletion may have: enough for its thousand keys."""
_BLOCK = 1 << 16


def receive(environ: dict[str, Any]) -> None:
    """Note the keys that a DeleteObjects names, and leave its body for moto to read again.

    Raises `MaxMessageLengthExceeded`. Names are none in a body that is no XML; moto refuses it.
    """
    body = _whole(environ["wsgi.input"])
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ[NAMED] = list(_keys(body))


def _whole(source: Any) -> bytes:
    body = bytearray()
    while block := source.read(_BLOCK):
        body += block
        if len(body) > LARGEST:
            raise MaxMessageLengthExceeded
    return bytes(body)


def _keys(body: bytes) -> Iterator[str]:
    try:
        document = ET.fromstring(body)  # noqa: S314 - expat of today expands no bombs
    except ET.ParseError:
        return
    for element in document.iter():
        if element.tag.rpartition("}")[2] == "Key":
            yield element.text or ""
