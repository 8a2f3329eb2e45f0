"""A request exactly as a client sent it: the form in which signatures are about it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

SENT_HOST = "emulator.sent_host"
SENT_URI = "emulator.sent_uri"
"""Environ keys of the Host header and the target as the client sent them, where the front has changed them."""
PRESERVED = "moto.preserved_header_names"
"""The environ key that moto reads (``moto.core.request``): WSGI name to the name as sent."""


class Sent:
    """``path`` and ``query`` are raw; ``headers`` have names in lower case; ``bucket`` is the one the host names.

    ``pairs`` are the decoded parameters of the query in turn, ``fields`` the same by name, the first of each.
    """

    def __init__(self, method: str, path: str, query: str, headers: Mapping[str, str], bucket: str | None) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.bucket = bucket
        self.pairs = parse_qsl(query, keep_blank_values=True)
        self.fields = dict(reversed(self.pairs))
