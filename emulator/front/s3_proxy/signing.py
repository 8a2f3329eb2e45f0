"""A client's signature replaced by the user's own.

What a request may do is thereby up to the user's credentials, whoever signed it. One without a signature gets none: it
may do what the server lets anybody do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from emulator.front.s3_proxy.body import HASH, UNSIGNED
from emulator.objects.server import S3Server

_QUERY_SIGNATURE = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-amz-signature",
        "x-amz-security-token",
        "awsaccesskeyid",
        "signature",
        "expires",
    }
)
"""The names (in lower case) with which versions 4 and 2 sign in the query."""
_SIGNATURE_HEADERS = frozenset({"authorization", "date", "x-amz-date", "x-amz-security-token"})


class _HeaderAuth(S3SigV4Auth):
    """Version 4 in the headers, for a body that is described rather than there."""

    def payload(self, request: Any) -> str:
        described: str = request.context["payload"]
        return described


def unsigned_query(query: str) -> str:
    """The query without a signature."""
    return "&".join(part for part in query.split("&") if _name(part) not in _QUERY_SIGNATURE)


def canonical_path(path: str) -> str:
    """A path, percent-encoded the one way in which a server computes the signature."""
    return quote(unquote_to_bytes(path.encode("latin-1")), safe="/-_.~")


def canonical_query(query: str) -> str:
    """As `canonical_path`, for a query; a plus is a space, as servers read it."""
    return "&".join(_canonical_field(part) for part in query.split("&") if part)


def in_headers(server: S3Server, method: str, url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request (lower-case names), signed; the body is vouched for as they say, or not at all.

    Raises botocore's errors and `S3ServerError` when the credentials cannot be renewed.
    """
    bare = {name: value for name, value in headers.items() if name not in _SIGNATURE_HEADERS}
    request = _request(method, url, bare)
    request.context["payload"] = bare.get(HASH, UNSIGNED)
    _HeaderAuth(server.credentials(), "s3", server.region).add_auth(request)
    added = ("authorization", "x-amz-date", "x-amz-security-token", HASH)
    return {**bare, **{name: request.headers[name] for name in added if name in request.headers}}


def in_query(server: S3Server, method: str, url: str, headers: Mapping[str, str]) -> str:
    """The URL, presigned; errors as `in_headers`."""
    request = _request(method, url, headers)
    S3SigV4QueryAuth(server.credentials(), "s3", server.region).add_auth(request)
    return str(request.url)


def _request(method: str, url: str, headers: Mapping[str, str]) -> AWSRequest:
    """What is signed of a request: S3 asks for its own headers and those that describe the body."""
    signed = {name: _text(value) for name, value in headers.items() if _is_signed(name)}
    return AWSRequest(method=method, url=url, headers=signed)


def _is_signed(name: str) -> bool:
    return name.startswith("x-amz-") or name in ("content-md5", "content-type")


def _text(value: str) -> str:
    """A header as text: signatures are made over UTF-8, headers carry bytes."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _name(part: str) -> str:
    """The name of a parameter, decoded as servers do, in lower case."""
    return unquote_plus(part.partition("=")[0]).lower()


def _canonical_field(part: str) -> str:
    name, equals, value = part.partition("=")
    return _canonical_text(name) + equals + _canonical_text(value)


def _canonical_text(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ").encode("latin-1")), safe="-_.~")
