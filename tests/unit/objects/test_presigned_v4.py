"""Presigned URLs of version 4: the example of AWS's documentation, and what is malformed about others."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from emulator.objects.presigned import verify
from emulator.objects.sent import Sent
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import WireError

AWS_KEYS: SecretOf = {"AKIAIOSFODNN7EXAMPLE": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)}.get
SIGNED_AT = 1369353600


def example(**changed: str | None) -> Sent:
    """The example of AWS's documentation of version 4, with other values of some parameters."""
    fields: dict[str, str | None] = {
        "Algorithm": "AWS4-HMAC-SHA256",
        "Credential": "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
        "Date": "20130524T000000Z",
        "Expires": "86400",
        "SignedHeaders": "host",
        "Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    }
    query = urlencode({f"X-Amz-{name}": value for name, value in (fields | changed).items() if value is not None})
    return Sent("GET", "/test.txt", query, {"host": "examplebucket.s3.amazonaws.com"}, "examplebucket")


def refused_at(sent: Sent, now: float) -> WireError:
    with pytest.raises(WireError) as refused:
        verify(sent, now, AWS_KEYS)
    return refused.value


def test_the_example_of_version_4_is_taken_until_it_expires() -> None:
    verify(example(), SIGNED_AT, AWS_KEYS)
    verify(example(), SIGNED_AT + 86400, AWS_KEYS)
    error = refused_at(example(), SIGNED_AT + 86401)
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request has expired")
    assert list(error.elements.items()) == [
        ("X-Amz-Expires", "86400"),
        ("Expires", "2013-05-25T00:00:00Z"),
        ("ServerTime", "2013-05-25T00:00:01Z"),
    ]


def test_a_url_of_the_future_is_not_valid_yet() -> None:
    verify(example(), SIGNED_AT - 300, AWS_KEYS)
    error = refused_at(example(), SIGNED_AT - 3600)
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request is not yet valid")
    assert error.elements["X-Amz-Date"] == "1369353600000"
    assert refused_at(example(Date="99991231T235959Z"), SIGNED_AT).elements["Expires"] == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Algorithm", "AWS4-HMAC-SHA1", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'),
        ("Date", "2013-05-24", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ("Date", "20130532T000000Z", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ("Expires", "soon", "X-Amz-Expires should be a number"),
        ("Expires", "", "X-Amz-Expires should be a number"),
        ("Expires", "-1", "X-Amz-Expires must be non-negative"),
        (
            "Expires",
            "604801",
            (
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                "than 604800 seconds"
            ),
        ),
        (
            "Credential",
            "a/b",
            (
                "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
                '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
            ),
        ),
        (
            "Credential",
            "a/20130524/r/sns/aws4_request",
            'Error parsing the X-Amz-Credential parameter; incorrect service "sns". This endpoint belongs to "s3".',
        ),
        (
            "Credential",
            "a/20130523/r/s3/aws4_request",
            'Invalid credential date "20130523". This date is not the same as X-Amz-Date: "20130524".',
        ),
    ],
)
def test_a_malformed_query_of_version_4_is_refused_in_the_words_of_aws(name: str, value: str, message: str) -> None:
    error = refused_at(example(**{name: value}), SIGNED_AT)
    assert (error.code, error.status, error.message) == ("AuthorizationQueryParametersError", 400, message)


@pytest.mark.parametrize("name", ["Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_version_4_needs_all_of_its_parameters(name: str) -> None:
    error = refused_at(example(**{name: None}), SIGNED_AT)
    assert (error.code, error.status) == ("AuthorizationQueryParametersError", 400)
    assert error.message == (
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )
