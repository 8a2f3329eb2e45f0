"""Presigned URLs, made by boto3 and sent as they are, or altered."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from emulator.objects.presigned import is_presigned, verify
from emulator.objects.sent import Sent
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import WireError

KEY, SECRET, TOKEN = "AKIAEXAMPLE", "secret/+", "to+k/en=="
VERSIONS = ("s3", "s3v4")
STYLES = ("path", "virtual")
METHODS = {"put_object": "PUT", "upload_part": "PUT", "delete_object": "DELETE", "head_object": "HEAD"}


def known(token: str | None = None) -> SecretOf:
    return {KEY: (SECRET, token)}.get


KNOWN = known()


def presign(
    operation: str, version: str, style: str = "path", token: str | None = None, seconds: int = 60, **parameters: Any
) -> str:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://s3.localhost:4566",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        aws_session_token=token,
        config=Config(signature_version=version, s3={"addressing_style": style}),
    )
    key = {} if operation.startswith("list") else {"Key": "k"}
    return str(client.generate_presigned_url(operation, {"Bucket": "buck"} | key | parameters, seconds))


def request(url: str, method: str = "GET", **headers: str) -> Sent:
    """What a client sends for a URL; underscores in names of headers stand for hyphens."""
    parts = urlsplit(url)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    bucket = "buck" if parts.netloc.startswith("buck.") else None
    return Sent(method, parts.path, parts.query, {"host": parts.netloc, "user-agent": "test"} | sent, bucket)


def refusal(sent: Sent, secret_of: SecretOf = KNOWN, later: float = 0) -> WireError:
    with pytest.raises(WireError) as refused:
        verify(sent, time.time() + later, secret_of)
    return refused.value


def accept(sent: Sent, secret_of: SecretOf = KNOWN) -> None:
    verify(sent, time.time(), secret_of)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "key",
    ["plain", "a b", "a+b", "a%2Fb", "a%20b", "x/../y", "//x", "ü/日本", "~(x)'!*", "100%", "q?a=b&c", "#;,:@&=$"],
)
def test_what_boto3_signed_is_taken_whatever_the_key(key: str, version: str, style: str) -> None:
    for operation in ("get_object", "head_object", "delete_object"):
        url = presign(operation, version, style, Key=key)
        accept(request(url, METHODS.get(operation, "GET")))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("version", VERSIONS)
def test_overrides_of_the_response_are_signed(version: str, style: str) -> None:
    url = presign(
        "get_object",
        version,
        style,
        VersionId="v+1",
        ResponseContentDisposition='attachment; filename="ä + b%20.txt"',
        ResponseContentType="text/plain; charset=utf-8",
    )
    accept(request(url))
    assert refusal(request(url.replace("attachment", "inline"))).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("version", VERSIONS)
def test_headers_of_an_upload_are_signed(version: str, style: str) -> None:
    url = presign("put_object", version, style, ContentType="text/plain", Metadata={"One": "x  y"}, ContentMD5="abc")
    headers = {"content_type": "text/plain", "x_amz_meta_one": "x  y", "content_md5": "abc"}
    accept(request(url, "PUT", **headers))
    for name in headers:
        error = refusal(request(url, "PUT", **headers | {name: "another"}))
        assert error.code == "SignatureDoesNotMatch"


def test_a_header_that_boto3_put_in_the_query_counts_without_being_sent() -> None:
    accept(request(presign("put_object", "s3", ContentType="text/plain", Metadata={"One": "1"}), "PUT"))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("version", VERSIONS)
def test_parts_and_lists_can_be_presigned(version: str, style: str) -> None:
    accept(request(presign("upload_part", version, style, UploadId="u=/+", PartNumber=2), "PUT"))
    accept(request(presign("list_objects_v2", version, style, Prefix="a b/")))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "alter",
    [
        lambda url: url.replace("/buck/k", "/buck/other"),
        lambda url: url.replace("/buck/k", "/other/k"),
        lambda url: url.replace("/buck/k", "/buck/%6B"),
        lambda url: url.replace("versionId=v1", "versionId=v2"),
        lambda url: url.replace("versionId=v1&", ""),
        lambda url: re.sub(r"(?<=Expires=)\d+", lambda found: str(int(found[0]) + 1), url),
        lambda url: url.replace("Signature=", "Signature=0"),
        lambda url: url.replace("Signature=", "Signature=%C3%BC"),
    ],
)
def test_an_altered_url_does_not_match(alter: Callable[[str], str], version: str) -> None:
    url = presign("get_object", version, VersionId="v1")
    accept(request(url))
    error = refusal(request(alter(url)))
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_method_or_secret_does_not_match(version: str) -> None:
    url = presign("get_object", version)
    assert refusal(request(url, "DELETE")).code == "SignatureDoesNotMatch"
    assert refusal(request(url), {KEY: ("another", None)}.get).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("host", ["s3.localhost", "s3.localhost:4567", "another:4566"])
def test_another_host_or_port_does_not_match(host: str) -> None:
    assert refusal(request(presign("get_object", "s3v4"), host=host)).code == "SignatureDoesNotMatch"


def test_a_client_may_encode_the_query_in_its_own_way() -> None:
    url = presign("get_object", "s3v4", ResponseContentType="text/plain; a=b")
    parts = urlsplit(url)
    assert "%2F" in parts.query
    accept(request(parts._replace(query=parts.query.replace("%2F", "/").replace("%20", "+")).geturl()))


def test_a_mismatch_shows_what_should_have_been_signed() -> None:
    error = refusal(request(presign("get_object", "s3v4").replace("/buck/k", "/buck/other")))
    assert error.elements["AWSAccessKeyId"] == KEY
    assert error.elements["CanonicalRequest"].startswith("GET\n/buck/other\nX-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert error.elements["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert bytes.fromhex(error.elements["StringToSignBytes"]).decode() == error.elements["StringToSign"]
    assert bytes.fromhex(error.elements["CanonicalRequestBytes"]).decode() == error.elements["CanonicalRequest"]
    error = refusal(request(presign("get_object", "s3").replace("/buck/k", "/buck/other")))
    assert error.elements["StringToSign"].endswith("\n/buck/other")
    assert "CanonicalRequest" not in error.elements


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_must_name_its_own_token(version: str) -> None:
    url = presign("get_object", version, token=TOKEN)
    accept(request(url), known(TOKEN))
    error = refusal(request(url), known("another"))
    assert (error.code, error.status) == ("InvalidToken", 400)
    assert error.elements == {"Token-0": TOKEN}
    assert refusal(request(url), known(None)).code == "InvalidToken"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_key_of_a_session_is_none_without_a_token(version: str) -> None:
    error = refusal(request(presign("get_object", version)), known(TOKEN))
    assert (error.code, error.status) == ("InvalidAccessKeyId", 403)
    assert error.elements == {"AWSAccessKeyId": KEY}


@pytest.mark.parametrize("version", VERSIONS)
def test_of_an_unknown_key_only_the_expiry_counts(version: str) -> None:
    url = presign("get_object", version, seconds=60).replace("/buck/k", "/buck/other")
    accept(request(url, x_amz_meta_a="unsigned"), {}.get)
    assert refusal(request(url), {}.get, later=120).message == "Request has expired"


def test_a_header_that_means_something_must_be_signed() -> None:
    url = presign("put_object", "s3v4")
    accept(request(url, "PUT", range="bytes=0-1", content_type="text/plain"))
    error = refusal(request(url, "PUT", x_amz_meta_b="1", x_amz_acl="private", content_md5="abc"))
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "There were headers present in the request which were not signed"
    assert error.elements == {"HeadersNotSigned": "content-md5, x-amz-acl, x-amz-meta-b"}


def test_a_hash_of_the_payload_counts_where_it_is_sent() -> None:
    url = presign("put_object", "s3v4")
    accept(request(url, "PUT", x_amz_content_sha256="UNSIGNED-PAYLOAD"))
    assert refusal(request(url, "PUT", x_amz_content_sha256="0" * 64)).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_signed_in_one_way(version: str) -> None:
    url = presign("get_object", version)
    assert refusal(request(url, authorization="AWS a:b")).elements["ArgumentValue"] == "AWS a:b"
    error = refusal(request(url + "&Signature=a&X-Amz-Algorithm=b"))
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert error.message.startswith("Only one auth mechanism allowed; ")


def test_a_request_without_a_signature_in_its_query_passes() -> None:
    for query in ("", "fooSignature=1", "x-id=Signature%3D", "AWSAccessKeyId=a&Expires=1", "list-type=2"):
        sent = Sent("GET", "/buck/k", query, {"host": "s3.localhost", "authorization": "AWS a:b"}, None)
        assert not is_presigned(query)
        accept(sent)
    assert is_presigned("Signature=a")
    assert is_presigned("list-type=2&X-Amz-Algorithm=a")


@pytest.mark.parametrize(
    "query", ["x-amz-algorithm=a", "X-Amz-Signature=a", "X%2dAmz-credential=", "list-type=2&x-Amz-Signature"]
)
def test_a_piece_of_version_4_is_refused(query: str) -> None:
    assert is_presigned(query)
    error = refusal(request(f"http://s3.localhost/buck/k?{query}"))
    assert (error.code, error.status) == ("AuthorizationQueryParametersError", 400)
    assert error.message.startswith("Query-string authentication version 4 requires the X-Amz-Algorithm, ")


@pytest.mark.parametrize(
    "query", ["Signature=a", "signature=a&AWSAccessKeyId=a&Expires=1", "SIGNATURE", "Signatur%65=a"]
)
def test_a_piece_of_version_2_is_refused(query: str) -> None:
    assert is_presigned(query)
    error = refusal(request(f"http://s3.localhost/buck/k?{query}"))
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message.startswith("Query-string authentication requires the Signature, ")


def test_of_a_key_pair_only_the_expiry_counts() -> None:
    url = presign("get_object", "s3v4").replace("HMAC", "ECDSA-P256")
    accept(request(url))
    assert refusal(request(url), later=120).message == "Request has expired"
