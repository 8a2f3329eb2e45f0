"""Presigned URLs of version 2: the example of AWS's documentation, and what is malformed about others."""

from __future__ import annotations

import pytest

from emulator.objects.presigned import verify
from emulator.objects.sent import Sent
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import WireError

AWS_KEYS: SecretOf = {"AKIAIOSFODNN7EXAMPLE": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)}.get


def refused_at(sent: Sent, now: float) -> WireError:
    with pytest.raises(WireError) as refused:
        verify(sent, now, AWS_KEYS)
    return refused.value


def puppy(query: str) -> Sent:
    """The example of AWS's documentation of version 2."""
    signed = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D"
    return Sent("GET", "/photos/puppy.jpg", f"{signed}{query}", {"host": "johnsmith.s3.amazonaws.com"}, "johnsmith")


def test_the_example_of_version_2_is_taken_until_it_expires() -> None:
    sent = puppy("&Expires=1175139620")
    verify(sent, 1175139620, AWS_KEYS)
    error = refused_at(sent, 1175139621)
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request has expired")
    assert error.elements == {"Expires": "2007-03-29T03:40:20Z", "ServerTime": "2007-03-29T03:40:21Z"}


def test_a_plus_in_a_signature_of_version_2_may_be_left_as_it_is() -> None:
    sent = puppy("&Expires=1175139620")
    verify(Sent("GET", sent.path, sent.query.replace("%2B", "+"), sent.headers, sent.bucket), 1175139620, AWS_KEYS)


@pytest.mark.parametrize("expires", ["soon", "", "2147483648", "1e9", "1" * 5000])
def test_version_2_needs_a_date_that_is_one(expires: str) -> None:
    error = refused_at(puppy(f"&Expires={expires}"), 1175139620)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == f"Invalid date (should be seconds since epoch): {expires}"


def test_version_2_needs_all_of_its_parameters() -> None:
    error = refused_at(puppy(""), 1175139620)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == (
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
    )
