"""Requests without a signature: moto is kept from taking one for signed because of what stands in its URL."""

from __future__ import annotations

import functools
from typing import Any

from moto.s3.responses import S3Response

from emulator.cloud.s3 import signatures


def install() -> None:
    """Hide the URL of an anonymous request where moto asks whether it is signed.

    moto looks for ``Signature=`` anywhere in it, so that a parameter or a key of that name would open private objects.
    """
    original = S3Response._key_response

    @functools.wraps(original)
    def _key_response(self: S3Response, request: Any, full_url: str) -> Any:
        seen = request if signatures.is_presigned(request.environ) else _WithoutUrl(request)
        return original(self, seen, full_url)

    S3Response._key_response = _key_response  # type: ignore[method-assign]


class _WithoutUrl:
    """A request of werkzeug's whose URL says nothing."""

    url = ""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)
