"""Which requests are S3's, going by what they claim."""

from __future__ import annotations

from typing import Any

from emulator.aws import Credential


def may_be_s3(environ: dict[str, Any], claimed: Credential) -> bool:
    """Whether a request is S3's: signed for it, by SigV2 (which names no service), or unsigned and no RPC call."""
    if claimed.service:
        return claimed.service == "s3"
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return bool(claimed.access_key) or not (form or "HTTP_X_AMZ_TARGET" in environ)


def is_about_objects(environ: dict[str, Any], claimed: Credential) -> bool:
    """Whether a request is for S3 itself: not for its control plane, which is signed alike, nor for moto's own API, nor
    one of the calls that other services take unsigned. ``environ`` is as the client sent it."""
    path: str = environ["PATH_INFO"]
    if (
        not may_be_s3(environ, claimed)
        or path.startswith("/v20180820/")
        or "s3-control" in environ.get("HTTP_HOST", "")
    ):
        return False
    names = {part.partition("=")[0] for part in environ["QUERY_STRING"].split("&")}
    return bool(claimed.access_key) or not (path.startswith("/moto-api") or "Action" in names)
