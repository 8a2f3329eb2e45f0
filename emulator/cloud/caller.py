"""Who asks for what: the signing name and access key of a WSGI request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def is_s3(environ: Mapping[str, Any], service: str, has_bucket: Callable[[str], bool]) -> bool:
    """Whether a request is S3's: signed for it (``service``), or unsigned and about a bucket that is there.

    Unsigned calls of other services say what they call in a header or a form, or have a path that no bucket has.
    """
    path: str = environ["PATH_INFO"]
    if path.startswith("/v20180820/") or "s3-control" in environ.get("HTTP_HOST", ""):
        return False  # S3's control plane
    if service:
        return service == "s3"
    own = path.startswith("/moto-api/") or "HTTP_X_AMZ_TARGET" in environ
    return not own and has_bucket(path.lstrip("/").partition("/")[0])
