"""The S3 server of the user's that ``--s3-endpoint-url`` names: where it is, and with whose credentials it is asked."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import boto3
    from botocore.httpsession import URLLib3Session
    from botocore.session import Session

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""How long a server may be silent. Joining the parts of a large upload takes S3 minutes, in which it says little."""

_AWS = re.compile(r"https?://s3[.-](?:dualstack\.)?(?P<region>[a-z]{2,}(-[a-z]+)+-\d+)\.amazonaws\.com(\.cn)?/?")
_PORTS = {"http": 80, "https": 443}

_NONE = (
    "There are no AWS credentials for S3 at {url}. Name a profile with --s3-profile, or set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY; a server that does not check them takes any text."
)
_NO_PROFILE = "{error}. `aws configure list-profiles` shows which there are; name one with --s3-profile."
_NOT_HAD = (
    "The AWS credentials for S3 at {url} cannot be had: {error}. Renew them, for example with `aws sso login`, or name "
    "another profile with --s3-profile."
)
_UNREACHABLE = (
    "S3 at {url} cannot be reached: {error}. Start that server, or start the emulator with another "
    "--s3-endpoint-url, or without one for its own S3."
)


class S3ServerError(Exception):
    """The server cannot be used as the settings say; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class S3Server:
    """``url`` has no slash at its end; requests are signed for ``region``.

    ``session`` is botocore's with the user's profile: credentials, CA bundle and all else that is configured there;
    ``clients`` is boto3's around it, of which it bears but one.
    """

    url: str
    region: str
    session: Session = field(repr=False)
    clients: boto3.Session = field(repr=False)

    @classmethod
    def of(cls, url: str, profile: str, region: str) -> S3Server:
        """The server at ``url``, with the credentials of ``profile`` or, when that is empty, of the environment.

        The region is the one an endpoint of AWS has in its name, else the profile's, else ``region``. Raises
        `S3ServerError` when there are no credentials, or when they have expired.
        """
        import boto3
        from botocore.exceptions import BotoCoreError, ProfileNotFound
        from botocore.session import Session

        session = Session(profile=profile or None)
        try:
            named = _AWS.fullmatch(url)
            chosen = named["region"] if named else session.get_config_variable("region") or region
            server = cls(url.rstrip("/"), chosen, session, boto3.Session(botocore_session=session))
            server.credentials()
        except ProfileNotFound as error:
            raise S3ServerError(_NO_PROFILE.format(error=error)) from error
        except BotoCoreError as error:
            raise S3ServerError(_NOT_HAD.format(url=url, error=error)) from error
        return server

    def credentials(self) -> Any:
        """Access key, secret key and token as of now; botocore renews what expires.

        Raises `S3ServerError` when there are none, and botocore's errors when they cannot be renewed.
        """
        found = self.session.get_credentials()
        if found is None:
            raise S3ServerError(_NONE.format(url=self.url))
        return found.get_frozen_credentials()

    def client(self, **config: Any) -> Any:
        """A boto3 client; ``config`` are options of botocore's ``Config``.

        Buckets are named in the path, which every server understands.
        """
        from botocore.config import Config

        ours = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "signature_version": "s3v4"}
        options = Config(s3={"addressing_style": "path"}, **{**ours, **config})
        return self.clients.client("s3", endpoint_url=self.url, region_name=self.region, config=options)

    def transport(self, connections: int) -> URLLib3Session:
        """What sends requests as they are, over as many kept connections; close it after use."""
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        # As botocore does it for its clients; its published types know less than it takes.
        trusted: Any = self.session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
        timeout: Any = (CONNECT_SECONDS, READ_SECONDS)
        proxies = get_environ_proxies(self.url)
        return URLLib3Session(verify=trusted, proxies=proxies, timeout=timeout, max_pool_connections=connections)

    def unreachable(self, error: Exception) -> str:
        """What to tell a user whose request ``error`` kept from being answered."""
        return _UNREACHABLE.format(url=self.url, error=str(error).rstrip("."))

    def is_at(self, port: int, hosts: Iterable[str]) -> bool:
        """Whether the URL leads to ``port`` of one of ``hosts`` (names or addresses that are listened on)."""
        parts = urlsplit(self.url)
        if (parts.port or _PORTS[parts.scheme]) != port:
            return False
        theirs = _addresses(parts.hostname or "")
        ours = {address for host in hosts for address in _addresses(host)}
        if any(address.is_unspecified for address in ours):
            ours |= _addresses(socket.gethostname())
            ours |= {address for address in theirs if address.is_loopback or address.is_unspecified}
        return not ours.isdisjoint(theirs)


def _addresses(host: str) -> set[IPv4Address | IPv6Address]:
    """The addresses of a host; none for a name that is not known."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {ip_address(str(address[0]).partition("%")[0]) for *_, address in found}
