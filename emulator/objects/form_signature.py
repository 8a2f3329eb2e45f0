"""Who signed a form's policy, and whether they did: Signature Version 4 and 2."""

from __future__ import annotations

from collections.abc import Callable

from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from emulator.objects.form import need
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
)
from emulator.objects.wire_error import InvalidArgument

_FOUR = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_TWO = ("AWSAccessKeyId", "Signature")

Fields = dict[str, str]


def is_anonymous(fields: Fields) -> bool:
    """Whether a form, its fields' names in lower case, does not claim to be signed; a policy alone is no claim."""
    return not _has_any(fields, _FOUR) and not _has_any(fields, _TWO)


def check_signature(fields: Fields, secret_of: SecretOf) -> str:
    """The access key that signed the policy of a form that is not anonymous.

    Where ``secret_of`` does not know the key, the signature is not checked. Raises `InvalidArgument` for missing and
    malformed fields, otherwise what a presigned URL meets. The signed text is the policy as sent, not what it says.
    """
    if _has_any(fields, _FOUR):
        signer = _signer(fields)
        _check(fields, signer.access_key, secret_of, lambda credentials: _version_4(credentials, signer, fields))
        return signer.access_key
    access_key, _, policy = (need(fields, name) for name in (*_TWO, "Policy"))
    _check(fields, access_key, secret_of, lambda credentials: HmacV1PostAuth(credentials).sign_string(policy))
    return access_key


def _has_any(fields: Fields, names: tuple[str, ...]) -> bool:
    return any(name.lower() in fields for name in names)


def _signer(fields: Fields) -> Scope:
    algorithm, credential, date, _, _ = (need(fields, name) for name in (*_FOUR, "Policy"))
    if algorithm != ALGORITHM:  # what S3 says here is unverified
        raise InvalidArgument(f'X-Amz-Algorithm only supports "{ALGORITHM}"', "X-Amz-Algorithm", algorithm)
    try:
        signer = scope(credential)
    except MalformedScope as error:
        raise InvalidArgument(str(error), "X-Amz-Credential", credential) from None
    if moment(date) is None:
        raise InvalidArgument("X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date", date)
    return signer


def _version_4(credentials: Credentials, signer: Scope, fields: Fields) -> str:
    request = AWSRequest()
    request.context["timestamp"] = signer.date
    return S3SigV4PostAuth(credentials, "s3", signer.region).signature(fields["policy"], request)


def _check(fields: Fields, access_key: str, secret_of: SecretOf, sign: Callable[[Credentials], str]) -> None:
    known = secret_of(access_key)
    if known is None:
        return
    secret, token = known
    check_token(access_key, token, fields.get("x-amz-security-token"))
    provided = fields.get("x-amz-signature") or fields.get("signature", "")
    if not same(sign(Credentials(access_key, secret)), provided):
        raise mismatch(access_key, provided, fields["policy"])
