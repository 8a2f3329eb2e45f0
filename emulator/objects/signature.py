"""What S3's signatures have in common, be they in the query of a presigned URL or in a form."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.objects.wire_error import InvalidAccessKeyId, InvalidToken, SignatureDoesNotMatch

SecretOf = Callable[[str], tuple[str, str | None] | None]
"""The secret of an access key and, if it is a session's, its token; None for a key that is not known."""

ALGORITHM = "AWS4-HMAC-SHA256"

_LAST_MOMENT = 253_402_300_799  # of the year 9999, the last that a datetime has


@dataclass(frozen=True, slots=True)
class Scope:
    """Who signed, on which day (``yyyyMMdd``) and for which region."""

    access_key: str
    date: str
    region: str


class MalformedScope(ValueError):
    """A credential that is no scope; the message is AWS's, without what it puts before it."""


def scope(credential: str) -> Scope:
    """The scope in a credential such as ``AKID/20260102/us-east-1/s3/aws4_request``. Raises `MalformedScope`."""
    parts = credential.split("/")
    if len(parts) != 5:
        expected = "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"
        raise MalformedScope(f'the Credential is mal-formed; expecting "{expected}".')
    access_key, date, region, service, terminal = parts
    if not access_key:
        raise MalformedScope("a non-empty Access Key (AKID) must be provided in the credential.")
    if not re.fullmatch("[0-9]{8}", date):
        raise MalformedScope(
            f'incorrect date format "{date}". This date in the credential must be in the format "yyyyMMdd".'
        )
    if not region:
        raise MalformedScope("a non-empty region must be provided in the credential.")
    if service != "s3":
        raise MalformedScope(f'incorrect service "{service}". This endpoint belongs to "s3".')
    if terminal != "aws4_request":
        raise MalformedScope(f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".')
    return Scope(access_key, date, region)


def check_token(access_key: str, expected: str | None, given: str | None) -> None:
    """See that the token in a request is that of the key's session, and that there is none without a session.

    Raises `InvalidAccessKeyId` for a session's key without a token, otherwise `InvalidToken`.
    """
    if expected and not given:
        raise InvalidAccessKeyId(access_key)
    if given and not same(given, expected or ""):
        raise InvalidToken(given)


def same(one: str, other: str) -> bool:
    """Whether two signatures or tokens are equal, in a time that does not tell how far."""
    return hmac.compare_digest(one.encode(), other.encode())


def mismatch(access_key: str, provided: str, signed: str, canonical: str | None = None) -> SignatureDoesNotMatch:
    """The refusal of the signature ``provided``; it shows what should have been signed, as S3 does."""
    elements = {
        "AWSAccessKeyId": access_key,
        "StringToSign": signed,
        "SignatureProvided": provided,
        "StringToSignBytes": signed.encode().hex(" "),
    }
    if canonical is not None:
        elements |= {"CanonicalRequest": canonical, "CanonicalRequestBytes": canonical.encode().hex(" ")}
    return SignatureDoesNotMatch(elements=elements)


def moment(text: str) -> float | None:
    """Seconds since the epoch of a time as SigV4 writes it, ``20260102T030405Z``; None for anything else."""
    if not re.fullmatch("[0-9]{8}T[0-9]{6}Z", text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def time_text(seconds: float) -> str:
    """A time as S3's errors give it, ``2026-01-02T03:04:05Z``."""
    return datetime.fromtimestamp(min(int(seconds), _LAST_MOMENT), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
