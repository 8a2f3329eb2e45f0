"""Who asks for what: the signing name and access key of a WSGI request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.credentials import credential


def caller(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Signing name and access key of a request, each ``""`` when it has none.

    SigV2 names no service; only S3 still takes it.
    """
    authorization = environ.get("HTTP_AUTHORIZATION")
    headers = {"authorization": authorization} if authorization else {}
    found = credential(headers, environ.get("QUERY_STRING", ""))
    if found is None:
        return "", ""
    return found.service.lower() or "s3", found.access_key
