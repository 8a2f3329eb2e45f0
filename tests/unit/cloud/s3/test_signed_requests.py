"""Presigned URLs: what they allow can be done with nothing else, and nothing else can be done with them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import pytest
import requests
from botocore.config import Config

from tests.mounted import ACCOUNT, REGION
from tests.unit.cloud.s3.wire import BUCKET, Store, code_of

KEY = "a/ü %2F+k"
VERSIONS = ["s3v4", "s3"]


def keys_of_a_user(store: Store) -> dict[str, str]:
    iam = store.aws.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def keys_of_a_session(store: Store) -> dict[str, str]:
    found = store.aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole", RoleSessionName="session"
    )["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


KNOWN = {"emulator": lambda store: {}, "user": keys_of_a_user, "session": keys_of_a_session}


def signer(store: Store, version: str = "s3v4", keys: dict[str, str] | None = None, **options: Any) -> Any:
    """A client that signs; with keys of its own."""
    chosen = {"endpoint_url": store.aws.url, "region_name": REGION, "aws_access_key_id": "test"}
    config = Config(signature_version=version, **options)
    make: Any = boto3.client
    return make("s3", **{**chosen, "aws_secret_access_key": "test", **(keys or {})}, config=config)


def presigned(client: Any, operation: str, seconds: int = 600, **params: Any) -> str:
    url: str = client.generate_presigned_url(
        operation, Params={"Bucket": BUCKET, "Key": KEY, **params}, ExpiresIn=seconds
    )
    return url


def send(method: str, url: str, **given: Any) -> requests.Response:
    return requests.request(method, url, timeout=30, **given)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", KNOWN)
def test_object_is_put_read_and_deleted_by_urls(store: Store, version: str, who: str) -> None:
    client = signer(store, version, KNOWN[who](store))
    put = send(
        "PUT",
        presigned(client, "put_object", ContentType="text/csv"),
        data=b"abc",
        headers={"Content-Type": "text/csv"},
    )
    assert (put.status_code, put.headers["ETag"]) == (200, '"900150983cd24fb0d6963f7d28e17f72"')
    got = send("GET", presigned(client, "get_object", ResponseContentType="text/plain"), headers={"Range": "bytes=1-"})
    assert (got.status_code, got.content, got.headers["Content-Type"]) == (206, b"bc", "text/plain")
    assert send("HEAD", presigned(client, "head_object")).headers["Content-Type"] == "text/csv"
    assert send("DELETE", presigned(client, "delete_object")).status_code == 204
    assert store.names() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_part_is_uploaded_and_read_by_url(store: Store, version: str) -> None:
    client = signer(store, version)
    upload = store.s3.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    reply = send("PUT", presigned(client, "upload_part", UploadId=upload, PartNumber=1), data=b"abc")
    parts = {"Parts": [{"PartNumber": 1, "ETag": reply.headers["ETag"]}]}
    store.s3.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload, MultipartUpload=parts)
    found = send("GET", presigned(client, "get_object", PartNumber=1))
    assert (found.status_code, found.content, found.headers["x-amz-mp-parts-count"]) == (206, b"abc", "1")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", KNOWN)
@pytest.mark.parametrize("change", ["another key", "another method", "more in the query", "another signature"])
def test_url_that_was_changed_is_refused_and_nothing_happens(store: Store, version: str, who: str, change: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"abc")
    url, method = presigned(signer(store, version, KNOWN[who](store)), "get_object"), "GET"
    parts = urlsplit(url)
    if change == "another key":
        url = urlunsplit(parts._replace(path=f"{parts.path}2"))
    elif change == "another method":
        method = "DELETE"
    elif change == "more in the query":
        url += "&versionId=null" if version == "s3" else "&x-id=2"
    else:
        query = parts.query.replace("Signature=", "Signature=0")
        url = urlunsplit(parts._replace(query=query))
    assert code_of(send(method, url)) == (403, "SignatureDoesNotMatch")
    assert store.body(KEY) == b"abc"


@pytest.mark.parametrize("version", VERSIONS)
def test_url_is_refused_once_it_has_expired(store: Store, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"abc")
    url = presigned(signer(store, version), "get_object", seconds=60)
    assert send("GET", url).content == b"abc"
    late = dt.datetime.now(dt.UTC).timestamp() + 61
    monkeypatch.setattr("emulator.cloud.s3.signatures.time.time", lambda: late)
    reply = send("GET", url)
    assert code_of(reply) == (403, "AccessDenied")
    assert "Request has expired" in reply.text
    assert store.body(KEY) == b"abc"


def test_signed_header_must_come_as_it_was_signed(store: Store) -> None:
    url = presigned(signer(store), "put_object", Metadata={"a": "1"})
    assert code_of(send("PUT", url, data=b"abc", headers={"x-amz-meta-a": "2"})) == (403, "SignatureDoesNotMatch")
    assert store.names() == []
    assert send("PUT", url, data=b"abc", headers={"x-amz-meta-a": "1"}).status_code == 200
    assert store.s3.head_object(Bucket=BUCKET, Key=KEY)["Metadata"] == {"a": "1"}


@pytest.mark.parametrize("version", VERSIONS)
def test_url_of_a_key_that_nobody_made_here_is_let_through(store: Store, version: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"abc")
    keys = {"aws_access_key_id": "AKIAELSEWHERE0000000", "aws_secret_access_key": "whatever"}
    assert send("GET", presigned(signer(store, version, keys), "get_object")).content == b"abc"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("token", "status"), [("other", 400), (None, 403)])
def test_session_must_show_its_own_token(store: Store, version: str, token: str | None, status: int) -> None:
    store.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"abc")
    keys = keys_of_a_session(store)
    if token is None:
        del keys["aws_session_token"]
    else:
        keys["aws_session_token"] = token
    reply = send("GET", presigned(signer(store, version, keys), "get_object"))
    assert code_of(reply) == (status, "InvalidToken" if token else "InvalidAccessKeyId")


@pytest.mark.parametrize("version", VERSIONS)
def test_url_may_name_the_bucket_in_its_host(store: Store, version: str) -> None:
    port = urlsplit(store.aws.url).port
    client = signer(store, version, {"endpoint_url": f"http://s3.localhost:{port}"}, s3={"addressing_style": "virtual"})
    for method, operation, body in (("PUT", "put_object", b"abc"), ("GET", "get_object", b"")):
        parts = urlsplit(presigned(client, operation))
        assert parts.netloc == f"{BUCKET}.s3.localhost:{port}"
        url = urlunsplit(parts._replace(netloc=urlsplit(store.aws.url).netloc))
        reply = send(method, url, data=body, headers={"Host": parts.netloc})
        assert reply.status_code == 200
    assert reply.content == b"abc"
    # Version 4 signs the host; version 2 the bucket, however it is named.
    reply = send("GET", url, headers={"Host": f"{BUCKET}.localhost:{port}"})
    assert code_of(reply) == ((403, "SignatureDoesNotMatch") if version == "s3v4" else (200, ""))


def test_refused_upload_is_read_so_that_its_client_sees_why(store: Store) -> None:
    url = presigned(signer(store), "put_object").replace("Signature=", "Signature=0")
    assert code_of(send("PUT", url, data=bytes(8 << 20))) == (403, "SignatureDoesNotMatch")
    assert store.blobs == 0


FORGERIES = {
    "fooSignature=1": (403, ""),
    "x-id=Signature=": (403, ""),
    "x-id=Signature%3D": (403, ""),
    "X-Amz-Signature=junk": (400, "AuthorizationQueryParametersError"),
    "x-amz-signature=junk": (400, "AuthorizationQueryParametersError"),
    "signature=junk": (403, "AccessDenied"),
    "Signature=junk&AWSAccessKeyId=test": (403, "AccessDenied"),
}


@pytest.mark.parametrize("query", FORGERIES)
def test_what_only_looks_like_a_signature_does_not_open_a_private_object(store: Store, query: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key="k", Body=b"abc")
    assert code_of(send("GET", f"{store.url('k')}?{query}")) == FORGERIES[query]


@pytest.mark.parametrize("change", ["", "x-amz-algorithm=AWS4-HMAC-SHA256&"])
def test_url_of_version_4_is_refused_without_its_algorithm(store: Store, change: str) -> None:
    store.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"abc")
    url = presigned(signer(store), "get_object")
    changed = url.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256&", change)
    assert changed != url
    assert code_of(send("GET", changed)) == (400, "AuthorizationQueryParametersError")


@pytest.mark.parametrize("version", VERSIONS)
def test_key_that_looks_like_a_signature_is_as_private_as_others(store: Store, version: str) -> None:
    key = "a/X-Amz-Signature=b"
    store.s3.put_object(Bucket=BUCKET, Key=key, Body=b"abc")
    assert send("GET", store.url(key)).status_code == 403
    assert send("GET", presigned(signer(store, version), "get_object", Key=key)).content == b"abc"
    store.s3.put_object_acl(Bucket=BUCKET, Key=key, ACL="public-read")
    assert send("GET", store.url(key)).content == b"abc"


@pytest.mark.parametrize("version", VERSIONS)
def test_browser_may_ask_first_about_a_url(store: Store, version: str) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    store.s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    assert send("OPTIONS", presigned(signer(store, version), "get_object"), headers=asked).status_code == 200
