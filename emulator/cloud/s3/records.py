"""What moto knows of a key, an upload or a bucket, as bytes for a row, and back.

A key is stored as the plain values in which it differs from a key that moto has just made; what is missing from a
record takes the value that today's moto gives it. So records are short, hold no class of moto's but where a bucket or
an open upload has one, and can be read when a later moto has added a member.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moto.s3.models import (
    FakeAcl,
    FakeBucket,
    FakeDeleteMarker,
    FakeGrant,
    FakeGrantee,
    FakeKey,
    FakeMultipart,
    MultipartDict,
    get_canned_acl,
)
from moto.utilities.utils import LowercaseDict

from emulator.cloud.s3.claims import Claim, Held, blank, body_of, held_of
from emulator.cloud.s3.keys import IndexedKeys
from emulator.cloud.s3.multipart import Completed
from emulator.objects.body import Body, Segment, blobs_of

_APART = frozenset({"name", "lock", "acl", "multipart", "_metadata", "_value_buffer"})
"""Members of a key that are stored in a form of their own, or not at all."""
_PRIVATE = get_canned_acl("private")


def _template() -> dict[str, Any]:
    """The members of a key that moto has just made, as far as they are the same for each."""
    key = FakeKey("", Claim((), ""), "", "us-east-1", etag="")  # type: ignore[arg-type]
    own = {"account_id", "region_name", "partition", "bucket_name", "last_modified", "contentsize", "_etag"}
    return {name: value for name, value in vars(key).items() if name not in _APART | own}


class Records:
    """Keys, uploads and buckets as bytes. Made once moto's hooks are in place."""

    def __init__(self) -> None:
        self._usual = _template()
        # A key that is read from a row has only what differs; for the rest it looks at its class.
        for name, value in {**self._usual, "multipart": None, "lock": None}.items():
            setattr(FakeKey, name, value)

    def of_versions(self, versions: Sequence[Any], tags: dict[str, Any]) -> tuple[bytes, set[str]]:
        """All versions of a key with their tags (by ARN), and the blobs they are made of."""
        bodies = [body_of(version) for version in versions if isinstance(version, FakeKey)]
        return _dump(([self._version(version) for version in versions], tags)), blobs_of(bodies)

    def versions(self, name: str, data: bytes) -> tuple[list[Any], dict[str, Any]]:
        """What `of_versions` wrote."""
        found, tags = pickle.loads(data)  # noqa: S301 - our own file
        versions = [self._key(name, state) if isinstance(state, dict) else self._marker(name, state) for state in found]
        return versions, tags

    def of_part(self, part: FakeKey) -> tuple[bytes, set[str]]:
        """A part of an open upload, and the blobs it is made of."""
        return _dump(self._state(part)), blobs_of([body_of(part)])

    def part(self, number: int, data: bytes) -> FakeKey:
        """What `of_part` wrote."""
        return self._key(number, pickle.loads(data))  # noqa: S301 - our own file

    def _version(self, version: Any) -> Any:
        if isinstance(version, FakeDeleteMarker):
            return version.last_modified, version.version_id, isinstance(version.key, FakeDeleteMarker)
        return self._state(version)

    def _state(self, key: FakeKey) -> dict[str, Any]:
        usual, missing = self._usual, object()
        state = {
            name: value
            for name, value in vars(key).items()
            if name not in _APART and value != usual.get(name, missing) and name != "_time_progressed"
        }
        if key._expiry is not None:  # only a restored object's state goes on with time
            state["_time_progressed"] = key._time_progressed
        state["_metadata"] = dict(key.metadata.items())
        state["body"] = [(segment.blob, segment.offset, segment.size) for segment in body_of(key)]
        if known := held_of(key).known:
            state["digests"] = dict(known)
        if (grants := _grants(key.acl)) != _grants(_PRIVATE):
            state["acl"] = grants
        whole: Any = key.multipart
        if isinstance(whole, Completed):
            state["multipart"] = (whole.id, whole.sizes)
        return state

    def _key(self, name: Any, state: dict[str, Any]) -> FakeKey:
        key = blank(FakeKey)
        members = vars(key)
        members.update(state)
        members["name"] = name
        members["_value_buffer"] = Held(_body(members.pop("body")), members.pop("digests", None))
        members["_metadata"] = LowercaseDict(members["_metadata"])
        members["acl"] = _acl(members["acl"]) if "acl" in members else _PRIVATE
        if "multipart" in members:
            members["multipart"] = Completed(*members["multipart"])
        return key

    def _marker(self, name: str, state: tuple[datetime, str, bool]) -> FakeDeleteMarker:
        marker = blank(FakeDeleteMarker)
        modified, version, of_marker = state
        # All that moto asks of the key behind a marker is whether that is a marker, too.
        behind: Any = blank(FakeDeleteMarker) if of_marker else blank(FakeKey)
        vars(marker).update(key=behind, name=name, last_modified=modified, _version_id=version)
        return marker


def of_upload(upload: FakeMultipart) -> bytes:
    """An open upload without its parts, which have rows of their own."""
    return _dump({**vars(upload), "parts": {}, "partlist": []})


def upload(data: bytes) -> FakeMultipart:
    """What `of_upload` wrote."""
    found = blank(FakeMultipart)
    vars(found).update(pickle.loads(data))  # noqa: S301 - our own file
    return found


def of_bucket(bucket: FakeBucket, tags: dict[str, Any]) -> bytes:
    """A bucket's configuration and tags, without what is in it."""
    state = {name: value for name, value in vars(bucket).items() if name not in ("keys", "multiparts")}
    return _dump((type(bucket), state, tags))


def bucket(data: bytes) -> tuple[FakeBucket, dict[str, Any]]:
    """What `of_bucket` wrote: an empty bucket, and its tags."""
    model, state, tags = pickle.loads(data)  # noqa: S301 - our own file
    found: FakeBucket = blank(model)
    vars(found).update(state, keys=IndexedKeys(), multiparts=MultipartDict())
    return found, tags


def _dump(value: Any) -> bytes:
    return pickle.dumps(value, protocol=5)


def _body(state: Sequence[tuple[str, int, int]]) -> Body:
    return tuple(Segment(*segment) for segment in state)


def _grants(acl: FakeAcl | None) -> list[Any] | None:
    if acl is None:
        return None
    return [
        ([(grantee.id, grantee.uri, grantee.display_name) for grantee in grant.grantees], list(grant.permissions))
        for grant in acl.grants
    ]


def _acl(state: list[Any] | None) -> FakeAcl | None:
    if state is None:
        return None
    grants = [FakeGrant([FakeGrantee(*grantee) for grantee in grantees], rights) for grantees, rights in state]
    return FakeAcl(grants)
