"""What the server answered, on its way to the client."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from emulator.front.s3_proxy.request import HOP_BY_HOP

_PIECE = 256 << 10


class Answer:
    """The answer as WSGI wants it; ``raw`` is urllib3's response. To be closed, read or not.

    An answer that ends early raises urllib3's error, so that what the client gets is cut short as well.
    """

    def __init__(self, raw: Any) -> None:
        raw.enforce_content_length = True  # botocore leaves that to its own reader
        self._raw = raw

    @property
    def status(self) -> str:
        return f"{self._raw.status} {self._raw.reason or HTTPStatus(self._raw.status).phrase}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Without those of the connection, and without the date, which our own front writes."""
        return [(name, value) for name, value in self._raw.headers.items() if name.lower() not in {*HOP_BY_HOP, "date"}]

    def __iter__(self) -> Iterator[bytes]:
        yield from self._raw.stream(_PIECE, decode_content=False)
        self._raw.release_conn()

    def close(self) -> None:
        self._raw.close()
