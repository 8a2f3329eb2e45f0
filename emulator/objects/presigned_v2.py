"""Presigned URLs of Signature Version 2, what boto3 makes for us-east-1 unless told otherwise."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult

from botocore.auth import HmacV1QueryAuth
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from emulator.objects.sent import Sent
from emulator.objects.signature import SecretOf, check_token, mismatch, same, time_text
from emulator.objects.wire_error import AccessDenied

LAST_EXPIRY = 2**31 - 1


class _Auth(HmacV1QueryAuth):
    """botocore's signer with a given moment of expiry, which stands for the date that is signed."""

    def __init__(self, credentials: Credentials, expires: str) -> None:
        super().__init__(credentials)
        self._moment = expires

    def _get_date(self) -> str:
        return self._moment


def verify(sent: Sent, now: float, secret_of: SecretOf) -> None:
    """Refuse a request that its query does not allow; see `emulator.objects.presigned.verify`."""
    fields = sent.fields
    if any(name not in fields for name in ("Signature", "Expires", "AWSAccessKeyId")):
        raise AccessDenied("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
    _check_expiry(fields["Expires"], now)
    access_key = fields["AWSAccessKeyId"]
    known = secret_of(access_key)
    if known is None:
        return
    secret, token = known
    check_token(access_key, token, _headers(sent).get("x-amz-security-token"))
    _check_signature(sent, Credentials(access_key, secret))


def _check_expiry(text: str, now: float) -> None:
    if not re.fullmatch("[+-]?[0-9]{1,10}", text) or int(text) > LAST_EXPIRY:
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {text}")
    if now > int(text):
        raise AccessDenied(
            "Request has expired", elements={"Expires": time_text(int(text)), "ServerTime": time_text(now)}
        )


def _headers(sent: Sent) -> dict[str, str]:
    """The headers that are signed: botocore puts them in the query, where they count unless they are sent as well."""
    in_query = {name.lower(): value for name, value in sent.fields.items()}
    return {name: value for name, value in (in_query | dict(sent.headers)).items() if _is_signed(name)}


def _is_signed(name: str) -> bool:
    return name in ("content-type", "content-md5") or name.startswith("x-amz-")


def _check_signature(sent: Sent, credentials: Credentials) -> None:
    auth = _Auth(credentials, sent.fields["Expires"])
    # Some signers leave a plus as it is.
    provided = sent.fields["Signature"].replace(" ", "+")
    strings = [_string_to_sign(auth, sent, resource) for resource in _resources(sent)]
    if not any(same(auth.sign_string(string), provided) for string in strings):
        raise mismatch(credentials.access_key, provided, strings[0])


def _string_to_sign(auth: _Auth, sent: Sent, resource: str) -> str:
    headers: Any = HTTPHeaders()
    for name, value in _headers(sent).items():
        headers[name] = value
    split = SplitResult("http", "", sent.path, sent.query, "")
    return str(auth.canonical_string(sent.method, split, headers, auth_path=resource))


def _resources(sent: Sent) -> list[str]:
    """What the signed path may be. It begins with the bucket whatever the host is.

    botocore signs a slash after a bucket, which its URL has in virtual-host style only. AWS refuses the other; here,
    where path style is common, it is taken.
    """
    resource = f"/{sent.bucket}{sent.path}" if sent.bucket else sent.path
    return [resource] if resource.count("/") > 1 else [resource, resource + "/"]
