"""Who asks for what: the signing name and access key of a WSGI request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_V4 = re.compile(r"Credential=([^/,\s]+)/[^/,\s]*/([^/,\s]*)/([^/,\s]+)/aws4_request")
_V2 = re.compile(r"AWS ([^:\s]+):")
_V4_QUERY = re.compile(r"(?:^|&)X-Amz-Credential=([^&]+)", re.IGNORECASE)
_V2_QUERY = re.compile(r"(?:^|&)AWSAccessKeyId=([^&]+)")


def caller(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Signing name and access key of a request, each ``""`` when it has none; SigV2 is S3's."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    query = environ.get("QUERY_STRING", "")
    if match := _V4.search(authorization):
        return match[3].lower(), match[1]
    if match := _V2.match(authorization):
        return "s3", match[1]
    if match := _V4_QUERY.search(query):
        scope = unquote(match[1]).split("/")
        return (scope[3].lower() if len(scope) == 5 else ""), scope[0]
    if match := _V2_QUERY.search(query):
        return "s3", unquote(match[1])
    return "", ""
