"""Reading what a refused client is still sending."""

from __future__ import annotations

from emulator.objects.blobs import Readable

_LIMIT = 64 << 20
"""Bytes."""
_CHUNK = 1 << 16


def drain(source: Readable) -> None:
    """Read the rest of a refused body, within reason: a client that cannot send it does not see the refusal."""
    left = _LIMIT
    while left > 0 and (block := source.read(_CHUNK)):
        left -= len(block)
