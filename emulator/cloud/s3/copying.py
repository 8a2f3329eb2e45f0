"""CopyObject without bytes: the copy claims the same body."""

from __future__ import annotations

import functools
from typing import Any

from moto.s3 import responses
from moto.s3.exceptions import MissingKey
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response

from emulator.cloud.s3.claims import Claim, Held, claims
from emulator.cloud.s3.sources import digest_for_copy
from emulator.cloud.s3.values import digests_of
from emulator.objects.checksum import Digests


def install() -> None:
    """Lend claims to what in moto copies objects."""
    _copy_claims()
    _compute_checksums_of_claims()
    _lend_to_copies()


def _copy_claims() -> None:
    original = S3Backend.copy_object

    @functools.wraps(original)
    def copy_object(self: S3Backend, src_key: FakeKey, dest_bucket_name: str, dest_key_name: str, **given: Any) -> None:
        with claims.lending():
            original(self, src_key, dest_bucket_name, dest_key_name, **given)
        made = self.get_object(dest_bucket_name, dest_key_name)
        if made is None:
            raise MissingKey(key=dest_key_name)
        # A copy is a plain object, whatever its source was: no parts, and a checksum of all its bytes.
        made.multipart = None
        if src_key.checksum_value and src_key.checksum_type == "COMPOSITE" and made.checksum_algorithm:
            made.checksum_value = digests_of(src_key, made.checksum_algorithm)[made.checksum_algorithm]
        made.checksum_type = "FULL_OBJECT" if made.checksum_value else None

    S3Backend.copy_object = copy_object  # type: ignore[method-assign,assignment]


def _compute_checksums_of_claims() -> None:
    def compute_checksum(body: Any, algorithm: str, encode_base64: bool = True) -> bytes:
        assert encode_base64, "moto's replies want it so"
        if isinstance(body, Claim):
            return _checksum(body, algorithm.upper()).encode()
        digests = Digests([algorithm.upper()])
        digests.update(body)
        return digests.value(algorithm.upper()).encode()

    responses.compute_checksum = compute_checksum  # type: ignore[attr-defined]


def _checksum(claim: Claim, algorithm: str) -> str:
    if algorithm in claim.checksums:
        return claim.checksums[algorithm]
    return (claim.held or Held(claim.body)).digests(algorithm)[algorithm]


def _lend_to_copies() -> None:
    original = S3Response.copy_object

    @functools.wraps(original)
    def copy_object(self: S3Response) -> Any:
        digest_for_copy(self.request.environ)  # again: the source may be another by now
        with claims.lending():  # for the checksum of the copy, when one is asked for
            status, headers, body = original(self)
        headers.pop("Checksum", None)  # moto's by mistake, and no text; it is in the reply's body
        return status, headers, body

    S3Response.copy_object = copy_object  # type: ignore[method-assign]
