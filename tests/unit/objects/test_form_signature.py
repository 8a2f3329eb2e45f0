"""Signatures of forms: boto3's, AWS's own example, and altered ones."""

from __future__ import annotations

import base64

import boto3
import pytest
from botocore.config import Config

from emulator.objects.form_signature import check_signature, is_anonymous
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import WireError

KEY, SECRET, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "to+k/en=="
VERSIONS = ("s3", "s3v4")
KNOWN: SecretOf = {KEY: (SECRET, None)}.get

EXAMPLE = """{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"""


def signed(version: str, token: str | None = None) -> dict[str, str]:
    """The fields of a form that boto3 signed, as they are read."""
    client = boto3.client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        aws_session_token=token,
        config=Config(signature_version=version),
    )
    fields = client.generate_presigned_post("buck", "up/${filename}")["fields"]
    return {name.lower(): value for name, value in fields.items()}


def refusal(fields: dict[str, str], secret_of: SecretOf = KNOWN) -> WireError:
    with pytest.raises(WireError) as refused:
        check_signature(fields, secret_of)
    return refused.value


def test_the_example_of_the_documentation_is_taken() -> None:
    fields = {
        "policy": base64.b64encode(EXAMPLE.replace("\n", "\r\n").encode()).decode(),
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        "x-amz-date": "20151229T000000Z",
        "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
    }
    assert check_signature(fields, KNOWN) == KEY


@pytest.mark.parametrize("version", VERSIONS)
def test_what_boto3_signed_is_taken(version: str) -> None:
    fields = signed(version)
    assert not is_anonymous(fields)
    assert check_signature(fields, KNOWN) == KEY


@pytest.mark.parametrize("version", VERSIONS)
def test_an_altered_policy_does_not_match(version: str) -> None:
    fields = signed(version)
    fields["policy"] = fields["policy"][:-2]
    error = refusal(fields)
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    assert error.elements["StringToSign"] == fields["policy"]
    assert error.elements["SignatureProvided"] == fields.get("x-amz-signature", fields.get("signature"))
    assert refusal(signed(version), {KEY: ("another", None)}.get).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("version", VERSIONS)
def test_of_an_unknown_key_the_signature_does_not_count(version: str) -> None:
    assert check_signature(signed(version) | {"policy": "another"}, {}.get) == KEY


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_must_name_its_own_token(version: str) -> None:
    fields = signed(version, TOKEN)
    assert check_signature(fields, {KEY: (SECRET, TOKEN)}.get) == KEY
    assert refusal(fields, {KEY: (SECRET, "another")}.get).code == "InvalidToken"
    assert refusal(signed(version), {KEY: (SECRET, TOKEN)}.get).code == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("s3v4", "X-Amz-Algorithm"),
        ("s3v4", "X-Amz-Credential"),
        ("s3v4", "X-Amz-Date"),
        ("s3v4", "X-Amz-Signature"),
        ("s3v4", "Policy"),
        ("s3", "AWSAccessKeyId"),
        ("s3", "Signature"),
        ("s3", "Policy"),
    ],
)
def test_a_missing_field_is_named(version: str, name: str) -> None:
    fields = signed(version)
    del fields[name.lower()]
    error = refusal(fields)
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert error.message.startswith(f"Bucket POST must contain a field named '{name}'.  If it is specified")
    assert error.elements == {"ArgumentName": name, "ArgumentValue": ""}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "X-Amz-Credential",
            "/20151229/r/s3/aws4_request",
            "a non-empty Access Key (AKID) must be provided in the credential.",
        ),
        (
            "X-Amz-Credential",
            "a/2015/r/s3/aws4_request",
            'incorrect date format "2015". This date in the credential must be in the format "yyyyMMdd".',
        ),
        ("X-Amz-Credential", "a/20151229//s3/aws4_request", "a non-empty region must be provided in the credential."),
        ("X-Amz-Credential", "a/20151229/r/s3/aws", 'incorrect terminal "aws". This endpoint uses "aws4_request".'),
        ("X-Amz-Date", "yesterday", "X-Amz-Date must be formated via ISO8601 Long format"),
        ("X-Amz-Algorithm", "AWS3", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    ],
)
def test_a_malformed_field_is_named(name: str, value: str, message: str) -> None:
    error = refusal(signed("s3v4") | {name.lower(): value})
    assert (error.code, error.status, error.message) == ("InvalidArgument", 400, message)
    assert error.elements == {"ArgumentName": name, "ArgumentValue": value}


def test_a_form_without_any_sign_of_a_signature_is_anonymous() -> None:
    assert is_anonymous({"key": "k"})
    assert is_anonymous({"key": "k", "policy": "e30="})
    assert not is_anonymous({"key": "k", "x-amz-date": "a"})
    assert not is_anonymous({"key": "k", "awsaccesskeyid": "a"})
