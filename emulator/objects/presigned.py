"""Presigned URLs: what must be right about them before S3 does what they say."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from emulator.objects import presigned_v2, presigned_v4
from emulator.objects.sent import Sent
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import InvalidArgument

_FOUR = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})
_TWO = frozenset({"signature"})
"""The names, in lower case, that only a signature has: of version 4 and of version 2."""


def is_presigned(raw_query: str) -> bool:
    """Whether a query carries a signature, or whatever looks like a piece of one.

    Names count however they are spelled and encoded: whoever sends one means to be let in by it, so `verify` is asked.
    """
    names = _names(parse_qsl(raw_query, keep_blank_values=True))
    return not names.isdisjoint(_FOUR | _TWO)


def verify(sent: Sent, now: float, secret_of: SecretOf) -> None:
    """Refuse a presigned request that is expired, malformed or not what was signed; return for any other.

    ``now`` is in seconds since the epoch. Where ``secret_of`` does not know the key, only form and expiry are checked.
    SigV4A, which signs with a key pair, is always treated like that. A piece of a signature is a malformed one.

    Raises a `WireError`: the codes, the messages and the order of the checks are those of S3.
    """
    names = _names(sent.pairs)
    two, four = not names.isdisjoint(_TWO), not names.isdisjoint(_FOUR)
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


def _names(pairs: Iterable[tuple[str, str]]) -> set[str]:
    return {name.lower() for name, _ in pairs}
