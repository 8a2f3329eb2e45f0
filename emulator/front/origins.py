"""Which requests a web page may make. Any page that the user visits can send some to this machine, unasked.

Browsers say where a request comes from, in ``Origin`` or ``Sec-Fetch-Site``; SDKs and command lines send neither.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

FOREIGN_PAGE = (
    "The emulator refuses what web pages of other sites ask for, S3 excepted. "
    "Pages served from localhost, 127.0.0.1 or the emulator's own host may ask."
)
FOREIGN_PAGE_AT_S3 = (
    "The emulator refuses what web pages of other sites ask for, of S3 as well: with --s3-endpoint-url it asks in the "
    "user's own name. Pages served from localhost, 127.0.0.1 or the emulator's own host may ask."
)
FOREIGN_HOST = (
    "The emulator's own API, and S3 with --s3-endpoint-url, do not answer under this host name. Use an IP address, "
    "localhost, or the name given to --host."
)

_DOCKER_HOST = "host.docker.internal"


def is_foreign_page(origin: str | None, site: str | None, host: str, names: Collection[str] = ()) -> bool:
    """Whether a page of another site makes this request, going by Origin, Sec-Fetch-Site and Host.

    The page's own host counts as ours only under a name that is: a page whose name was made to resolve to this
    machine (DNS rebinding) names itself in both headers. ``names`` are more names of ours.
    """
    if origin is None:
        return site == "cross-site"
    name = _name(origin.partition("://")[2])
    if _is_loopback(name):
        return False
    return not name or name != _name(host) or not is_our_host(host, names)


def is_our_host(host: str, names: Collection[str] = ()) -> bool:
    """Whether a Host header can only mean this emulator, and no site of the web whose name leads here.

    Names without a dot pass: those of a Docker network or a local one, which no site of the web can have.
    """
    name = _name(host)
    if not host or (name and "." not in name):
        return True
    return _is_loopback(name) or _is_address(name) or name in {_DOCKER_HOST, socket.gethostname().lower(), *names}


def refusal(message: str) -> bytes:
    """The body of a 403, readable for people and for the clients of AWS's JSON protocols."""
    return json.dumps({"__type": "AccessDenied", "message": message}).encode()


def _name(authority: str) -> str:
    """The host of ``host:port`` in lower case, or nothing where it is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost") or (_is_address(name) and ip_address(name).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
