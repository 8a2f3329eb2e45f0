"""Presigned URLs: what must be right about them before S3 does what they say."""

from __future__ import annotations

from urllib.parse import parse_qsl

from emulator.objects import presigned_v2, presigned_v4
from emulator.objects.sent import Sent
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import InvalidArgument


def is_presigned(raw_query: str) -> bool:
    """Whether a query carries a signature at all; other parameters without it make no signed request at AWS."""
    names = {name for name, _ in parse_qsl(raw_query, keep_blank_values=True)}
    return not names.isdisjoint({"X-Amz-Algorithm", "Signature"})


def verify(sent: Sent, now: float, secret_of: SecretOf) -> None:
    """Refuse a presigned request that is expired, malformed or not what was signed; return for any other.

    ``now`` is in seconds since the epoch. Where ``secret_of`` does not know the key, only form and expiry are checked.
    SigV4A, which signs with a key pair, is always treated like that.

    Raises a `WireError`: the codes, the messages and the order of the checks are those of S3.
    """
    two = "Signature" in sent.fields
    four = "X-Amz-Algorithm" in sent.fields
    if (two or four) and ((two and four) or "authorization" in sent.headers):
        message = (
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified"
        )
        raise InvalidArgument(message, "Authorization", sent.headers.get("authorization", ""))
    if four:
        presigned_v4.verify(sent, now, secret_of)
    elif two:
        presigned_v2.verify(sent, now, secret_of)
