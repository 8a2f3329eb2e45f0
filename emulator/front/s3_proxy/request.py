"""What is asked of the server: a client's request, addressed and signed anew."""

from __future__ import annotations

from typing import Any

from botocore.awsrequest import AWSPreparedRequest, HeadersDict

from emulator.front.s3_proxy import signing
from emulator.front.s3_proxy.body import Sent, has_body, prepare
from emulator.objects.presigned import is_presigned
from emulator.objects.sent import PRESERVED
from emulator.objects.server import S3Server

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that are about one connection and not about the request or the answer."""

_BARE = ("CONTENT_TYPE", "CONTENT_LENGTH")


def request_of(environ: dict[str, Any], server: S3Server, via: str) -> AWSPreparedRequest:
    """The request in ``environ``, which is in path style, for ``server``. ``via`` is the name to leave in ``Via``.

    Its body is a `Sent`, or None. Raises what signing raises.
    """
    headers = _headers(environ)
    headers["via"] = ", ".join(filter(None, [headers.get("via"), f"1.1 {via}"]))
    body: Any = _body(environ, headers)
    method: str = environ["REQUEST_METHOD"]
    path, _, query = environ["RAW_URI"].partition("?")
    bare = signing.canonical_query(signing.unsigned_query(query) if is_presigned(query) else query)
    url = server.url + signing.canonical_path(path) + (f"?{bare}" if bare else "")
    if method == "OPTIONS":
        pass  # browsers send it unsigned, also before what is signed
    elif "authorization" in headers:
        headers = signing.in_headers(server, method, url, headers)
    elif is_presigned(query):
        url = signing.in_query(server, method, url, headers)
    return AWSPreparedRequest(method, url, _encoded(headers), body, stream_output=True)


def is_signed(environ: dict[str, Any]) -> bool:
    """Whether a request has a signature, be it good or not."""
    return "HTTP_AUTHORIZATION" in environ or is_presigned(environ["QUERY_STRING"])


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """The client's headers by lower-case name, without those of its connection."""
    spelled = environ[PRESERVED]
    keys = [key for key in environ if key.startswith("HTTP_") or key in _BARE]
    named = {spelled.get(key) or key.removeprefix("HTTP_").replace("_", "-").lower(): environ[key] for key in keys}
    dropped = HOP_BY_HOP | {"host"} | {name.strip().lower() for name in named.get("connection", "").split(",")}
    return {name: value for name, value in named.items() if name not in dropped}


def _body(environ: dict[str, Any], headers: dict[str, str]) -> Sent | None:
    if not has_body(environ):
        return None
    if "content-length" not in headers:
        headers["transfer-encoding"] = "chunked"
    return prepare(environ["wsgi.input"].read, headers)


def _encoded(headers: dict[str, str]) -> Any:
    """As botocore's connection wants them: it takes only bytes for the Expect it waits for."""
    return HeadersDict({name: value.encode("latin-1") for name, value in headers.items()})
