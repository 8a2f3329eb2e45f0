"""Keys, uploads and buckets as rows, and back."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from moto.s3.models import (
    FakeAcl,
    FakeBucket,
    FakeDeleteMarker,
    FakeGrant,
    FakeGrantee,
    FakeKey,
    FakeMultipart,
    get_canned_acl,
)
from requests.structures import CaseInsensitiveDict

from emulator.cloud.s3 import records
from emulator.cloud.s3.claims import Claim, body_of
from emulator.cloud.s3.multipart import Completed
from emulator.cloud.s3.records import Records
from emulator.objects.body import Segment
from tests.unit.cloud.s3.members import MEMBERS

pytestmark = pytest.mark.usefixtures("hooked")

ACCOUNT, REGION = "111122223333", "eu-west-1"
BODY = (Segment("one", 3, 5), Segment("~two", 0, 7))
LATER = dt.datetime(2031, 5, 6, 7, 8, 9)  # noqa: DTZ001 - moto's times have no zone

CHANGES: dict[str, Callable[[Any], object]] = {
    "nothing": lambda key: None,
    "its metadata": lambda key: key.set_metadata({"a_b": "1", "Content-Type": "text/csv", "x-amz-meta-c": "ü"}),
    "no metadata at all": lambda key: key.set_metadata({}, replace=True),
    "its class": lambda key: key.set_storage_class("GLACIER"),
    "an acl": lambda key: key.set_acl(get_canned_acl("public-read")),
    "an acl with a name": lambda key: key.set_acl(
        FakeAcl([FakeGrant([FakeGrantee(grantee_id="i", display_name="n")], ["READ", "WRITE_ACP"])])
    ),
    "no acl": lambda key: key.set_acl(None),
    "an acl that is cut short": lambda key: key.set_acl(FakeAcl([])),
    "a redirect": lambda key: setattr(key, "website_redirect_location", "/elsewhere"),
    "a version": lambda key: vars(key).update(_version_id="v1", _is_versioned=True),
    "the version of a bucket without": lambda key: vars(key).update(_version_id="null"),
    "encryption": lambda key: vars(key).update(encryption="aws:kms", kms_key_id="k", bucket_key_enabled="true"),
    "a lock": lambda key: vars(key).update(lock_mode="GOVERNANCE", lock_until="2031-01-01T00:00:00Z"),
    "a legal hold": lambda key: vars(key).update(lock_legal_status="ON"),
    "a checksum": lambda key: vars(key).update(
        checksum_algorithm="CRC32", checksum_value="AAAAAA==", checksum_type="COMPOSITE", checksum_parts=3
    ),
    "parts": lambda key: setattr(key, "multipart", Completed("id", [5, 7])),
    "an ETag of parts": lambda key: setattr(key, "_etag", "0" * 32 + "-2"),
    "a restoration that is under way": lambda key: (key.set_expiry(LATER), key.advance()),
    "a restoration that is over": lambda key: vars(key).update(_expiry=LATER, _status="RESTORED"),
    "a change of old": lambda key: setattr(key, "last_modified", LATER),
}


def made(change: Callable[[Any], object] = lambda key: None, body: Any = BODY) -> FakeKey:
    claim: Any = Claim(body, "0" * 32)
    key = FakeKey("a/k", claim, ACCOUNT, REGION, bucket_name="bucket")
    change(key)
    return key


def acl_of(key: Any) -> object:
    if key.acl is None:
        return None
    return [([vars(who) for who in grant.grantees], grant.permissions) for grant in key.acl.grants]


def seen(key: Any) -> dict[str, Any]:
    """Everything that moto may look at."""
    plain = set(MEMBERS["FakeKey"].split()) - {"lock", "_value_buffer", "acl", "multipart", "_metadata"}
    plain -= {"_time_progressed"} if key._expiry is None else set()
    parts = (key.multipart.id, key.multipart.sizes) if key.multipart else None
    rest = {"acl": acl_of(key), "body": body_of(key), "multipart": parts, "metadata": dict(key.metadata.items())}
    shown = {"etag": key.etag, "size": key.size, "arn": key.arn, "version": key.version_id}
    return {**{name: getattr(key, name) for name in plain}, **rest, **shown}


@pytest.mark.parametrize("name", CHANGES)
def test_key_is_read_as_it_was_written(name: str) -> None:
    key = made(CHANGES[name])
    form = Records()
    data, blobs = form.of_versions([key], {key.arn: {"t": "1"}})
    (found,), tags = form.versions("a/k", data)
    assert (seen(found), tags, blobs) == (seen(key), {key.arn: {"t": "1"}}, {"one", "~two"})


def test_every_member_that_a_request_can_set_is_among_the_changes() -> None:
    usual = vars(made())
    changed = {
        name for change in CHANGES.values() for name, value in vars(made(change)).items() if value != usual[name]
    }
    fixed = "name account_id region_name partition bucket_name disposed _max_buffer_size contentsize _transitions _tick"
    assert changed | set(fixed.split()) | {"model_name", "lock"} >= set(MEMBERS["FakeKey"].split())


def test_key_that_was_read_can_be_changed_without_changing_another() -> None:
    form = Records()
    data, _ = form.of_versions([made(), made()], {})
    (one, two), _ = form.versions("a/k", data)
    one.set_metadata({"x": "1"})
    one.set_storage_class("GLACIER")
    one.set_expiry(LATER)
    one.advance()
    assert seen(two) == {**seen(made()), "last_modified": two.last_modified}


def test_record_says_no_more_than_what_differs() -> None:
    data, _ = Records().of_versions([made()], {})
    ((state,), _) = pickle.loads(data)
    assert set(state) - {"last_modified", "_metadata", "body"} <= {
        *("account_id", "region_name", "partition", "bucket_name", "contentsize", "_etag")
    }
    assert b"moto" not in data


def test_member_that_a_later_moto_adds_has_what_that_moto_gives_a_new_key(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = Records().of_versions([made()], {})
    original = FakeKey.__init__

    def later(self: Any, *given: Any, **named: Any) -> None:
        original(self, *given, **named)
        self.of_later = "default"

    monkeypatch.setattr(FakeKey, "__init__", later)
    monkeypatch.setattr(FakeKey, "of_later", None, raising=False)
    ((found,), _) = Records().versions("a/k", data)
    assert found.of_later == "default"


def test_delete_markers_are_read_as_they_were_written() -> None:
    first = FakeDeleteMarker(made())
    second: Any = FakeDeleteMarker(first)  # type: ignore[arg-type]
    form = Records()
    data, blobs = form.of_versions([made(), first, second], {})
    (key, one, two), _ = form.versions("a/k", data)
    assert [type(version) for version in (key, one, two)] == [FakeKey, FakeDeleteMarker, FakeDeleteMarker]
    for found, marker in ((one, first), (two, second)):
        assert (found.name, found.version_id, found.last_modified_ISO8601, type(found.key)) == (
            "a/k",
            marker.version_id,
            marker.last_modified_ISO8601,
            type(marker.key),
        )
    assert blobs == {"one", "~two"}


def test_open_upload_and_its_parts_are_read_as_they_were_written() -> None:
    metadata = CaseInsensitiveDict({"x-amz-checksum-algorithm": "SHA256", "X-Amz-Meta-a": "1"})
    upload = FakeMultipart(
        "k", metadata, ACCOUNT, REGION, "STANDARD_IA", {"t": "1"}, get_canned_acl("public-read"), "aws:kms", "key"
    )
    part = upload.set_part(3, Claim(BODY, "0" * 32))  # type: ignore[arg-type]
    found = records.upload(records.of_upload(upload))
    assert (found.parts, found.partlist) == ({}, [])  # parts have rows of their own
    plain = set(MEMBERS["FakeMultipart"].split()) - {"acl", "parts", "partlist"}
    assert {name: getattr(found, name) for name in plain} == {name: getattr(upload, name) for name in plain}
    assert acl_of(found) == acl_of(upload)
    form = Records()
    data, blobs = form.of_part(part)
    assert (seen(form.part(3, data)), blobs) == (seen(part), {"one", "~two"})


def test_bucket_is_read_without_what_is_in_it() -> None:
    bucket = FakeBucket("b", ACCOUNT, REGION)
    bucket.versioning_status = "Enabled"
    bucket.keys["k"] = made()
    found, tags = records.bucket(records.of_bucket(bucket, {bucket.arn: {"t": "1"}}))
    assert (len(found.keys), len(found.multiparts), tags) == (0, 0, {bucket.arn: {"t": "1"}})
    apart = {"keys", "multiparts", "acl"}
    assert {name: value for name, value in vars(found).items() if name not in apart} == {
        name: value for name, value in vars(bucket).items() if name not in apart
    }
