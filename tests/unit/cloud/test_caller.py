"""Who signed a request."""

from __future__ import annotations

import pytest

from emulator.cloud.caller import caller

V4 = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("authorization", "query", "expected"),
    [
        (V4, "", ("s3", "AKIA")),
        (V4.replace("/s3/", "/IAM/"), "", ("iam", "AKIA")),
        ("AWS AKIA:signature=", "", ("s3", "AKIA")),
        ("", "X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&x=1", ("s3", "AKIA")),
        ("", "x=1&X-Amz-Credential=AKIA/20260101/eu-west-1/sts/aws4_request", ("sts", "AKIA")),
        ("", "X-Amz-Credential=AKIA", ("", "")),
        ("", "AWSAccessKeyId=AKIA&Signature=x", ("s3", "AKIA")),
        ("Bearer token", "", ("", "")),
        ("", "prefix=X", ("", "")),
    ],
)
def test_signing_name_and_access_key_are_found(authorization: str, query: str, expected: tuple[str, str]) -> None:
    assert caller({"HTTP_AUTHORIZATION": authorization, "QUERY_STRING": query}) == expected
