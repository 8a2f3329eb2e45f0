"""S3's two ways to name a bucket: virtual-host style is turned into path style before moto sees it."""

from __future__ import annotations

import re
from typing import Any

from emulator.objects.sent import SENT_HOST, SENT_URI

_VIRTUAL = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}?[a-z0-9])"
    r"\.(?:s3[.\-](?:[a-z0-9\-]+\.)*(?:localhost|amazonaws\.com(?:\.cn)?)|localhost)",
    re.IGNORECASE,
)
_SERVICE = re.compile(r"s3(?:[.\-][a-z0-9\-.]*)?|.*\.s3-control[.\-].*", re.IGNORECASE)
"""Hosts that are S3 itself, such as ``s3.eu-west-1.localhost``, or S3's control plane: no bucket in them."""

_PLAIN_HOST = "localhost"
"""What moto is told as host. It takes any host with a dot for a bucket's, ``emulator.internal`` too."""


def bucket_of_host(host: str) -> str | None:
    """The bucket that a ``Host`` header (with or without a port) names, or None."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    match = _VIRTUAL.fullmatch(name)
    if match is None or _SERVICE.fullmatch(name):
        return None
    return match["bucket"]


def is_s3_host(host: str) -> bool:
    """Whether a ``Host`` header names S3 or a bucket, which only AWS or this machine can be called."""
    name = host.rsplit(":", 1)[0].lower()
    known = name.endswith((".amazonaws.com", ".amazonaws.com.cn", ".localhost"))
    return known and (bucket_of_host(host) is not None or _SERVICE.fullmatch(name) is not None)


def to_path_style(environ: dict[str, Any]) -> None:
    """Rewrite an S3 request in place so that its bucket, if the host names one, stands first in the path.

    What was sent stays under `SENT_HOST` and `SENT_URI`: signatures are about that.
    """
    host = environ.get("HTTP_HOST", "")
    environ[SENT_HOST], environ[SENT_URI] = host, environ["RAW_URI"]
    if ".s3-control" in host or host.startswith("s3-control"):
        return
    bucket = bucket_of_host(host)
    if bucket is not None:
        environ["PATH_INFO"] = f"/{bucket}{environ['PATH_INFO']}"
        environ["RAW_URI"] = f"/{bucket}{environ['RAW_URI']}"
    _, colon, port = host.rpartition(":")
    environ["HTTP_HOST"] = f"{_PLAIN_HOST}:{port}" if colon and port.isdigit() else _PLAIN_HOST
