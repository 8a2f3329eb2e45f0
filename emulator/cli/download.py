"""A snapshot of a running emulator, asked for through its own API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from emulator.snapshot import SnapshotError, write

PATH = "/_emulator/snapshot"
_CHUNK = 1 << 20


def snapshot(url: str, file: Path, told: Callable[[int], object]) -> int:
    """Write the state of the emulator at ``url`` to ``file``; answers its bytes. Raises `SnapshotError`."""
    return write(_pieces(url), file, told)


def _pieces(url: str) -> Iterator[bytes]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port)  # no timeout: it begins with a copy of its databases
    try:
        connection.request("POST", PATH)
        answer = connection.getresponse()
        if answer.status != 200:
            raise SnapshotError(_message(answer))
        while block := answer.read(_CHUNK):
            yield block
    except (OSError, HTTPException) as error:
        raise SnapshotError(f"The emulator at {url} did not send the whole snapshot; its log may tell why.") from error
    finally:
        connection.close()


def _message(answer: HTTPResponse) -> str:
    try:
        return str(json.loads(answer.read())["message"])
    except (ValueError, LookupError, TypeError):
        return f"The emulator answered {answer.status} {answer.reason}: it may be of another version."
