from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws import Credential, credential

KEYS = Credentials("AKIDEXAMPLE", "secret")


def test_a_header_that_botocore_signed_names_key_region_and_service() -> None:
    request = AWSRequest("POST", "http://localhost/", data=b"{}")
    SigV4Auth(KEYS, "sagemaker", "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert credential(headers, "") == Credential("AKIDEXAMPLE", "eu-west-1", "sagemaker")


def test_a_url_that_botocore_presigned_names_key_region_and_service() -> None:
    request = AWSRequest("GET", "http://localhost/bucket/key")
    SigV4QueryAuth(KEYS, "s3", "eu-west-1").add_auth(request)
    assert credential({}, urlsplit(str(request.url)).query) == Credential("AKIDEXAMPLE", "eu-west-1", "s3")


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"authorization": "AWS AKID:signature"}, "", Credential("AKID")),
        ({}, "AWSAccessKeyId=AKID&Signature=x&Expires=1", Credential("AKID")),
        (
            {"authorization": "AWS4-ECDSA-P256-SHA256 Credential=AKID/20240101/s3/aws4_request, SignedHeaders=host"},
            "",
            Credential("AKID", service="s3"),
        ),
    ],
    ids=["SigV2 header", "SigV2 query", "SigV4a"],
)
def test_other_signatures_tell_what_they_carry(headers: dict[str, str], query: str, expected: Credential) -> None:
    assert credential(headers, query) == expected


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({}, "list-type=2&prefix=X-Amz-Credential"),
        ({}, "X-Amz-Credential="),
        ({"authorization": "Bearer token"}, ""),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=AKID/us-east-1, Signature=x"}, ""),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=/20240101/us-east-1/s3/aws4_request"}, ""),
        ({"authorization": "AWS nothing"}, ""),
    ],
)
def test_an_unsigned_or_garbled_request_has_no_credential(headers: dict[str, str], query: str) -> None:
    assert credential(headers, query) is None


@given(header=st.text(), query=st.text())
def test_nothing_that_a_client_sends_breaks_the_reading(header: str, query: str) -> None:
    credential({"authorization": header}, query)
    credential({"authorization": f"AWS4-HMAC-SHA256 Credential={header}"}, f"X-Amz-Credential={query}")
    credential({}, f"X-Amz-Credential={query}")
