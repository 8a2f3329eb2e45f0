"""The values of moto's keys: claims in place of bytes, with the digests that are known of them."""

from __future__ import annotations

import base64
from typing import Any, cast

from moto.s3.models import FakeKey

from emulator.cloud.s3.claims import Claim, Held, blank, body_of, claims, held_of
from emulator.cloud.s3.marks import touches
from emulator.cloud.s3.touches import Known


def claim_of(key: FakeKey, *algorithms: str) -> Claim:
    """A key's bytes as a claim with these checksums, at least; see `digests_of`."""
    found = digests_of(key, "MD5", *algorithms)
    return Claim(body_of(key), base64.b64decode(found["MD5"]).hex(), found, held=held_of(key))


def digests_of(key: FakeKey, *algorithms: str) -> dict[str, str]:
    """At least these digests (base64, by algorithm) of an object's bytes.

    They are read only for what neither the key says nor an earlier reading found; what is found is kept with the key.
    """
    own, held = _own_digests(key), held_of(key)
    before = held.known
    found = held.digests(*(name for name in algorithms if name not in own))
    if found is not before and key.bucket_name:
        touches.mark(Known(key.bucket_name, key.name))
    return {**found, **own}


def _own_digests(key: FakeKey) -> dict[str, str]:
    """What a key says of all its bytes: its ETag and checksum, unless they are made of those of parts."""
    own: dict[str, str] = {}
    etag = key.etag.strip('"')
    if "-" not in etag:
        own["MD5"] = base64.b64encode(bytes.fromhex(etag)).decode()
    if key.checksum_algorithm and key.checksum_value and key.checksum_type != "COMPOSITE":
        own[key.checksum_algorithm.upper()] = key.checksum_value
    return own


def install() -> None:
    """Let ``FakeKey.value`` be set to a `Claim`, or to bytes, which become one; and be read as either."""

    def get_value(self: FakeKey) -> Any:
        if claims.lends:
            return claim_of(self)
        if claims.shown is not None:
            return b""
        with claims.open(body_of(self)) as file:
            return file.read()

    def set_value(self: FakeKey, value: Any) -> None:
        data = value.encode() if isinstance(value, str) else value
        claim = data if isinstance(data, Claim) else claims.kept(bytes(data))
        self._value_buffer = cast("Any", claim.held or Held(claim.body))
        self.contentsize = len(claim)
        if self._etag is None:
            self._etag = claim.md5

    def copied(self: FakeKey, _memo: object) -> FakeKey:
        twin = blank(FakeKey)
        vars(twin).update(vars(self))
        return twin

    FakeKey.__deepcopy__ = copied  # type: ignore[attr-defined]  # moto copies keys to mark them, bytes and all
    FakeKey.value = property(get_value, set_value)  # type: ignore[method-assign,assignment]
    # There is no open file that a key could have left behind.
    FakeKey.__del__ = lambda _self: None  # type: ignore[method-assign]
