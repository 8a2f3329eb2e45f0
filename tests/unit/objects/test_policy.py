"""Policies of forms: what they allow, and in which words S3 refuses the rest."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import boto3
import pytest

from emulator.objects.form import Form, open_form
from emulator.objects.policy import Limits, check_policy
from emulator.objects.wire_error import WireError

NOW = 1_800_000_000.0
LATER = "2027-01-15T08:00:01Z"


def form(fields: dict[str, str], policy: Any) -> Form:
    """A form with a policy, as text or as what its JSON says; a list is its conditions."""
    document = {"expiration": LATER, "conditions": policy} if isinstance(policy, list) else policy
    text = document if isinstance(document, str) else base64.b64encode(json.dumps(document).encode()).decode()
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"key": "up/a", **fields, "Policy": text, "file": "content"}.items()
    ]
    return open_form(io.BytesIO("".join([*parts, "--B--\r\n"]).encode()).read, "multipart/form-data; boundary=B")


def check(fields: dict[str, str], policy: Any, bucket: str = "buck", now: float = NOW) -> Limits:
    conditions = [["starts-with", "$key", ""], *policy] if isinstance(policy, list) else policy
    return check_policy(form(fields, conditions), bucket, now)


def refusal(fields: dict[str, str], policy: Any, now: float = NOW) -> WireError:
    with pytest.raises(WireError) as refused:
        check(fields, policy, now=now)
    return refused.value


def test_what_boto3_makes_is_allowed() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    post = client.generate_presigned_post(
        "buck", "up/a", Fields={"acl": "private"}, Conditions=[{"acl": "private"}, ["content-length-range", 1, 9]]
    )
    fields = dict(post["fields"])
    assert check_policy(form(fields, fields.pop("policy")), "buck", 0) == Limits(1, 9)


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({}, {"key": "up/a"}),
        ({}, ["eq", "$key", "up/a"]),
        ({}, ["StArTs-WiTh", "$KeY", "up/"]),
        ({}, {"bUcKeT": "buck"}),
        ({"bucket": "buck"}, {"bucket": "buck"}),
        ({"ACL": "private"}, {"acl": "private"}),
        ({"x-amz-meta-A": "anything"}, ["starts-with", "$x-amz-meta-a", ""]),
        ({"Content-Type": "image/png, image/gif"}, ["starts-with", "$Content-Type", "image/"]),
        ({"x-ignore-me": "1"}, {"bucket": "buck"}),
        ({"AWSAccessKeyId": "a", "signature": "b"}, {"bucket": "buck"}),
    ],
)
def test_a_form_that_meets_its_conditions_is_allowed(fields: dict[str, str], condition: Any) -> None:
    assert check(fields, [condition]) == Limits()


@pytest.mark.parametrize(
    ("fields", "condition", "shown"),
    [
        ({}, {"bucket": "other"}, '["eq", "$bucket", "other"]'),
        ({"bucket": "other"}, {"bucket": "other"}, '["eq", "$bucket", "other"]'),
        ({}, {"key": "up/A"}, '["eq", "$key", "up/A"]'),
        ({}, ["eq", "key", "up/a"], '["eq", "key", "up/a"]'),
        ({}, ["starts-with", "$key", "/up"], '["starts-with", "$key", "/up"]'),
        ({}, ["starts-with", "$Content-Type", ""], '["starts-with", "$Content-Type", ""]'),
        ({"x-amz-meta-a": "b"}, ["eq", "$x-amz-meta-a", 'ü"'], '["eq", "$x-amz-meta-a", "ü\\""]'),
        (
            {"Content-Type": "image/png,text/html"},
            ["starts-with", "$Content-Type", "image/"],
            '["starts-with", "$Content-Type", "image/"]',
        ),
        ({}, ["content-length-range", "some", "10"], '["content-length-range", "some", "10"]'),
    ],
)
def test_a_condition_that_fails_is_shown(fields: dict[str, str], condition: Any, shown: str) -> None:
    error = refusal(fields, [condition])
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == f"Invalid according to Policy: Policy Condition failed: {shown}"


def test_a_field_without_a_condition_is_refused_by_its_name_as_sent() -> None:
    error = refusal({"StorageClass": "x", "acl": "private"}, [{"acl": "private"}])
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "Invalid according to Policy: Extra input fields: StorageClass"


@pytest.mark.parametrize("expiration", [LATER, "2027-01-15T08:00:01.000Z", "2027-01-15T08:00:01.5Z"])
def test_a_policy_holds_until_it_expires(expiration: str) -> None:
    policy = {"expiration": expiration, "conditions": [{"key": "up/a"}]}
    assert check({}, policy, now=NOW + 1) == Limits()
    error = refusal({}, policy, now=NOW + 2)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "Invalid according to Policy: Policy expired."


def test_a_range_of_sizes_includes_its_bounds() -> None:
    limits = check({}, [["content-length-range", 5, "10"]])
    limits.check(5)
    limits.check(10)
    with pytest.raises(WireError) as refused:
        limits.check(12)
    assert (refused.value.code, refused.value.status) == ("EntityTooLarge", 400)
    assert refused.value.message == "Your proposed upload exceeds the maximum allowed size"
    assert refused.value.elements == {"ProposedSize": "12", "MaxSizeAllowed": "10"}
    with pytest.raises(WireError) as refused:
        limits.check(1)
    assert (refused.value.code, refused.value.status) == ("EntityTooSmall", 400)
    assert refused.value.message == "Your proposed upload is smaller than the minimum allowed size"
    assert refused.value.elements == {"ProposedSize": "1", "MinSizeAllowed": "5"}


def test_of_several_ranges_all_hold() -> None:
    assert check({}, [["content-length-range", 1, 9], ["content-length-range", 3, 20]]) == Limits(3, 9)


def document(**members: Any) -> dict[str, Any]:
    return {"expiration": LATER, "conditions": [{"key": "up/a"}]} | members


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("no base64!", "invalid Base64 encoding."),
        (base64.b64encode(b"{").decode(), "Invalid JSON."),
        (base64.b64encode(b"[" * 15_000).decode(), "Invalid JSON."),
        (base64.b64encode(b"\xff").decode(), "Invalid JSON."),
        (base64.b64encode(b"[]").decode(), "Invalid JSON."),
        (document(Statement=[]), "Unexpected: 'statement'"),
        ({"conditions": []}, "Policy missing expiration."),
        ({"expiration": LATER}, "Policy missing conditions."),
        (document(conditions={}), "Invalid 'conditions' value: must be a List."),
        (document(expiration="2015-10-17 03:15:59 UTC"), "Invalid 'expiration' value: '2015-10-17 03:15:59 UTC'"),
        (document(expiration="2011-09-13T07:52:58+02:00"), "Invalid 'expiration' value: '2011-09-13T07:52:58+02:00'"),
        (document(expiration="2011-02-30T00:00:00Z"), "Invalid 'expiration' value: '2011-02-30T00:00:00Z'"),
        (["key"], "Invalid condition test: must be a List or Object."),
        ([{}], "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."),
        (
            [{"a": "1", "b": "2"}],
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        ([{"Content-Length": 6199034}], "Invalid Simple-Condition: value must be a string."),
        ([[]], "Invalid Condition: missing operation identifier."),
        ([["ends-with", "$key", "a"]], "Invalid Condition: unknown operation 'ends-with'."),
        ([["content-length-range", 0]], "Invalid content-length-range: wrong number of arguments."),
        ([["content-length-range", 0, 512.0]], "Invalid JSON."),
        ([["content-length-range", 0, True]], "Invalid JSON."),
        ([["eq", "$key", 1]], "Invalid JSON."),
    ],
)
def test_an_unreadable_policy_is_refused(policy: Any, reason: str) -> None:
    error = refusal({}, policy)
    assert (error.code, error.status, error.message) == ("InvalidPolicyDocument", 400, f"Invalid Policy: {reason}")
