"""Browsers' uploads by form, as boto3 signs them and requests sends them."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.mounted import REGION
from tests.unit.cloud.s3.test_signed_requests import keys_of_a_session, keys_of_a_user, signer
from tests.unit.cloud.s3.wire import BUCKET, Store, checksum, code_of

DATA = bytes(range(256)) * 200


def form(
    store: Store,
    key: str = "k",
    fields: dict[str, str] | None = None,
    conditions: list[Any] | None = None,
    keys: dict[str, str] | None = None,
    seconds: int = 600,
) -> dict[str, Any]:
    """A signed form whose policy allows just ``fields``, and ``conditions``."""
    allowed = [{name: value} for name, value in (fields or {}).items()] + (conditions or [])
    found: dict[str, Any] = signer(store, keys=keys).generate_presigned_post(
        BUCKET, key, Fields=fields, Conditions=allowed, ExpiresIn=seconds
    )
    return found


def post(found: dict[str, Any], data: bytes = DATA, name: str = "f.bin", **more: str) -> requests.Response:
    return requests.post(
        found["url"],
        data={**found["fields"], **more},
        files={"file": (name, data, "text/x-file")},
        timeout=30,
        allow_redirects=False,
    )


@pytest.mark.parametrize("data", [b"", b"abc", DATA])
def test_file_of_a_form_is_stored_as_it_is(store: Store, data: bytes) -> None:
    reply = post(form(store), data)
    assert (reply.status_code, reply.content, reply.headers["ETag"]) == (
        204,
        b"",
        f'"{hashlib.md5(data).hexdigest()}"',
    )
    assert (store.body("k"), store.blobs) == (data, bool(data))


def test_fields_say_what_is_known_of_the_object(store: Store) -> None:
    fields = {"Content-Type": "text/csv", "x-amz-meta-a": "1", "x-amz-storage-class": "STANDARD_IA"}
    tags = "<Tagging><TagSet><Tag><Key>t</Key><Value>1</Value></Tag></TagSet></Tagging>"
    assert post(form(store, fields={**fields, "tagging": tags, "acl": "public-read"})).status_code == 204
    head = store.s3.head_object(Bucket=BUCKET, Key="k")
    assert (head["ContentType"], head["Metadata"], head["StorageClass"]) == ("text/csv", {"a": "1"}, "STANDARD_IA")
    assert store.s3.get_object_tagging(Bucket=BUCKET, Key="k")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert len(store.s3.get_object_acl(Bucket=BUCKET, Key="k")["Grants"]) == 2


def test_key_may_take_the_name_of_the_file(store: Store) -> None:
    found = form(store, "up/${filename}", conditions=[["starts-with", "$key", "up/"]])
    assert post(found, name="my file.bin").status_code == 204
    assert store.names() == ["up/my file.bin"]


def test_reply_is_the_one_that_was_wished_for(store: Store) -> None:
    assert post(form(store, fields={"success_action_status": "200"})).status_code == 200
    reply = post(form(store, "a&b", fields={"success_action_status": "201"}))
    assert (reply.status_code, reply.headers["Content-Type"]) == (201, "application/xml")
    assert f"<Bucket>{BUCKET}</Bucket><Key>a&amp;b</Key>" in reply.text
    reply = post(form(store, fields={"success_action_redirect": "http://localhost/done?x=1"}))
    place = urlsplit(reply.headers["Location"])
    assert (reply.status_code, place.path) == (303, "/done")
    assert {name: values[0] for name, values in parse_qs(place.query).items()} == {
        "x": "1",
        "bucket": BUCKET,
        "key": "k",
        "etag": f'"{hashlib.md5(DATA).hexdigest()}"',
    }


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_checksum_of_a_form_is_verified(store: Store, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm.lower()}"
    wrong = post(form(store, fields={name: checksum(algorithm, b"other")}))
    assert (code_of(wrong), store.names(), store.blobs) == ((400, "BadDigest"), [], 0)
    assert post(form(store, fields={name: checksum(algorithm, DATA)})).status_code == 204
    found = store.s3.get_object(Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")
    assert (found[f"Checksum{algorithm}"], found["Body"].read()) == (checksum(algorithm, DATA), DATA)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], tuple[int, str]]] = {
    "a field beyond the policy": ({}, {"x-amz-meta-a": "1"}, (403, "AccessDenied")),
    "another value": ({"fields": {"acl": "private"}}, {"acl": "public-read"}, (403, "AccessDenied")),
    "another key": ({}, {"key": "other"}, (403, "AccessDenied")),
    "another signature": ({}, {"x-amz-signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
    "another policy": ({}, {"policy": "e30="}, (403, "SignatureDoesNotMatch")),
    "too many bytes": ({"conditions": [["content-length-range", 1, 100]]}, {}, (400, "EntityTooLarge")),
    "too few bytes": ({"conditions": [["content-length-range", 10**6, 10**7]]}, {}, (400, "EntityTooSmall")),
    "a policy of yesterday": ({"seconds": -60}, {}, (403, "AccessDenied")),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("who", ["emulator", "user"])
def test_form_that_its_policy_does_not_allow_leaves_nothing(store: Store, name: str, who: str) -> None:
    given, sent, refusal = REFUSED[name]
    keys = keys_of_a_user(store) if who == "user" else None
    assert code_of(post(form(store, keys=keys, **given), **sent)) == refusal
    assert (store.names(), store.blobs) == ([], 0)


def test_form_of_a_session_shows_its_token(store: Store) -> None:
    keys = keys_of_a_session(store)
    assert post(form(store, keys=keys)).status_code == 204
    assert code_of(post(form(store, keys={**keys, "aws_session_token": "other"}))) == (400, "InvalidToken")


def test_form_without_a_signature_is_taken(store: Store) -> None:
    found = {"url": f"{store.aws.url}/{BUCKET}", "fields": {"key": "k"}}
    assert post(found).status_code == 204
    assert store.body("k") == DATA


def test_form_names_the_bucket_in_its_host(store: Store) -> None:
    found = form(store)
    port = urlsplit(store.aws.url).port
    reply = requests.post(
        store.aws.url,
        data=found["fields"],
        files={"file": DATA},
        headers={"Host": f"{BUCKET}.s3.{REGION}.localhost:{port}"},
        timeout=30,
    )
    assert (reply.status_code, store.body("k")) == (204, DATA)


def test_form_that_is_broken_off_is_refused(store: Store) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
    body += b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + DATA
    reply = requests.post(
        f"{store.aws.url}/{BUCKET}", data=body, headers={"Content-Type": "multipart/form-data; boundary=b"}, timeout=30
    )
    assert (reply.status_code, store.names(), store.blobs) == (400, [], 0)


def test_versions_of_forms_are_kept(store: Store) -> None:
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for data in (b"one", b"two"):
        assert post(form(store), data).status_code == 204
    found = store.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    assert {store.body("k", VersionId=item["VersionId"]) for item in found} == {b"one", b"two"}


WRONG_FIELDS: dict[str, tuple[dict[str, str], str]] = {
    "a class that S3 does not have": ({"x-amz-storage-class": "MINE"}, "InvalidStorageClass"),
    "tags that are no XML": ({"tagging": "<Tagging>"}, "MalformedXML"),
}


@pytest.mark.parametrize("name", WRONG_FIELDS)
def test_field_that_s3_does_not_take_is_refused_and_leaves_nothing(store: Store, name: str) -> None:
    fields, code = WRONG_FIELDS[name]
    assert code_of(post(form(store, fields=fields))) == (400, code)
    assert (store.names(), store.blobs) == ([], 0)


def test_form_without_a_key_is_refused_and_leaves_nothing(store: Store) -> None:
    reply = post({"url": f"{store.aws.url}/{BUCKET}", "fields": {"acl": "private"}})
    assert (code_of(reply), store.names(), store.blobs) == ((400, "InvalidArgument"), [], 0)


def test_form_says_how_its_file_is_encrypted(store: Store) -> None:
    fields = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "mine"}
    assert post(form(store, fields=fields)).status_code == 204
    head = store.s3.head_object(Bucket=BUCKET, Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "mine")
