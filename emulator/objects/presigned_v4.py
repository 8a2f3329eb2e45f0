"""Presigned URLs of Signature Version 4: ``X-Amz-Algorithm`` and what goes with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from emulator.objects.sent import Sent
from emulator.objects.signature import (
    ALGORITHM,
    MalformedScope,
    Scope,
    SecretOf,
    check_token,
    mismatch,
    moment,
    same,
    scope,
    time_text,
)
from emulator.objects.wire_error import AccessDenied, AuthorizationQueryParametersError

ASYMMETRIC = "AWS4-ECDSA-P256-SHA256"
A_WEEK = 604_800
EARLY = 900
"""How many seconds before its date a URL is taken; where S3 draws the line is unverified."""

_NEEDED = (
    *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"),
    *("X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"),
)


class _Auth(S3SigV4QueryAuth):
    """botocore's signer for the headers that the URL names; botocore itself never signs some of them."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        signed = HTTPHeaders()
        for name in request.context["signed"]:
            signed[name] = request.headers.get(name, "")
        return signed


def verify(sent: Sent, now: float, secret_of: SecretOf) -> None:
    """Refuse a request that its query does not allow; see `emulator.objects.presigned.verify`."""
    fields = sent.fields
    _check_parameters(fields)
    _check_time(fields, now)
    if fields["X-Amz-Algorithm"] == ASYMMETRIC:
        return
    signer = _signer(fields)
    known = secret_of(signer.access_key)
    if known is None:
        return
    _check_headers(sent)
    secret, token = known
    check_token(signer.access_key, token, fields.get("X-Amz-Security-Token"))
    _check_signature(sent, signer, secret)


def _check_parameters(fields: Mapping[str, str]) -> None:
    if fields.get("X-Amz-Algorithm", ALGORITHM) not in (ALGORITHM, ASYMMETRIC):
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM} and {ASYMMETRIC}"')
    if any(name not in fields for name in _NEEDED):
        raise AuthorizationQueryParametersError(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )


def _check_time(fields: Mapping[str, str], now: float) -> None:
    signed_at = moment(fields["X-Amz-Date"])
    if signed_at is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    seconds = _seconds(fields["X-Amz-Expires"])
    span = {"Expires": time_text(signed_at + seconds), "ServerTime": time_text(now)}
    if signed_at - now > EARLY:
        raise AccessDenied("Request is not yet valid", elements={"X-Amz-Date": str(int(signed_at * 1000)), **span})
    if now - signed_at > seconds:
        raise AccessDenied("Request has expired", elements={"X-Amz-Expires": fields["X-Amz-Expires"], **span})


def _seconds(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]{1,18}", text):
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    if seconds > A_WEEK:
        raise AuthorizationQueryParametersError(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{A_WEEK} seconds"
        )
    return seconds


def _signer(fields: Mapping[str, str]) -> Scope:
    try:
        signer = scope(fields["X-Amz-Credential"])
    except MalformedScope as error:
        raise AuthorizationQueryParametersError(f"Error parsing the X-Amz-Credential parameter; {error}") from None
    day = fields["X-Amz-Date"][:8]
    if signer.date != day:
        raise AuthorizationQueryParametersError(
            f'Invalid credential date "{signer.date}". This date is not the same as X-Amz-Date: "{day}".'
        )
    return signer


def _check_headers(sent: Sent) -> None:
    """Refuse headers that change what a request does and that the signer did not see."""
    signed = _signed_names(sent)
    unsigned = sorted(name for name in sent.headers if name not in signed and _must_be_signed(name))
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            elements={"HeadersNotSigned": ", ".join(unsigned)},
        )


def _must_be_signed(name: str) -> bool:
    return name in ("host", "content-md5") or (name.startswith("x-amz-") and name != "x-amz-content-sha256")


def _check_signature(sent: Sent, signer: Scope, secret: str) -> None:
    auth = _Auth(Credentials(signer.access_key, secret), "s3", signer.region)
    request = _as_signed(sent)
    canonical = auth.canonical_request(request)
    to_sign = auth.string_to_sign(request, canonical)
    provided = sent.fields["X-Amz-Signature"]
    if not same(auth.signature(to_sign, request), provided):
        raise mismatch(signer.access_key, provided, to_sign, canonical)


def _as_signed(sent: Sent) -> AWSRequest:
    """The request as its signer had it: the path untouched, the parameters encoded as SigV4 says."""
    pairs = [pair for pair in sent.pairs if pair[0] != "X-Amz-Signature"]
    query = urlencode(pairs, quote_via=quote, safe="-_.~")
    request = AWSRequest(sent.method, f"http://-{sent.path}?{query}", headers=sent.headers)
    request.context |= {"timestamp": sent.fields["X-Amz-Date"], "signed": _signed_names(sent)}
    return request


def _signed_names(sent: Sent) -> list[str]:
    return sent.fields["X-Amz-SignedHeaders"].lower().split(";")
