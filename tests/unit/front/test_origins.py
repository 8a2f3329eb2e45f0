"""Requests that a browser sends on behalf of a web page."""

from __future__ import annotations

import json

import pytest

from emulator.front.origins import is_foreign_page, is_our_host
from tests.mounted import ACCOUNT, REGION, Mounted
from tests.unit.front.raw import Reply, exchange

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
EVIL = {"origin": "http://evil.example"}
LIST = {"x-amz-target": "SageMaker.ListEndpoints"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
CREATE_USER = b"Action=CreateUser&Version=2010-05-08&UserName=eve"


def asked(aws: Mounted, first: str, headers: dict[str, str], body: bytes = b"") -> Reply:
    said = {"host": "127.0.0.1:4577", "connection": "close", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return exchange(aws.url, f"{first} HTTP/1.1\r\n{lines}\r\n".encode() + body)


def signed(service: str) -> dict[str, str]:
    scope = f"Credential=test/20260101/{REGION}/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}


@pytest.mark.parametrize(
    ("origin", "site", "host", "foreign"),
    [
        (None, None, "127.0.0.1:4577", False),
        (None, "none", "127.0.0.1:4577", False),
        (None, "same-origin", "127.0.0.1:4577", False),
        (None, "cross-site", "127.0.0.1:4577", True),
        ("http://evil.example", "cross-site", "127.0.0.1:4577", True),
        ("http://evil.example", None, "127.0.0.1:4577", True),
        ("http://localhost.evil.example", None, "localhost:4577", True),
        ("http://127.0.0.1.evil.example", None, "127.0.0.1:4577", True),
        ("http://evil.example:4577", "same-origin", "evil.example:4577", True),
        ("null", None, "127.0.0.1:4577", True),
        ("http://[broken", None, "127.0.0.1:4577", True),
        ("http://localhost:3000", "cross-site", "127.0.0.1:4577", False),
        ("http://127.0.0.1:8888", "same-site", "127.0.0.1:4577", False),
        ("http://[::1]:8888", "same-site", "[::1]:4577", False),
        ("http://192.168.1.5:4577", "same-origin", "192.168.1.5:4577", False),
        ("http://192.168.1.6", "cross-site", "192.168.1.5:4577", True),
        ("http://ours.example.org:4577", "same-origin", "ours.example.org:4577", False),
    ],
)
def test_a_page_of_another_site_is_foreign(origin: str | None, site: str | None, host: str, foreign: bool) -> None:
    assert is_foreign_page(origin, site, host, {"ours.example.org"}) is foreign


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("", True),
        ("127.0.0.1:4577", True),
        ("172.18.0.1", True),
        ("[::1]:4577", True),
        ("LOCALHOST:4577", True),
        ("a.localhost", True),
        ("host.docker.internal:4577", True),
        ("emulator:4577", True),
        ("ours.example.org:4577", True),
        ("evil.example:4577", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[broken", False),
    ],
)
def test_a_host_is_ours_when_no_site_of_the_web_can_have_it(host: str, ours: bool) -> None:
    assert is_our_host(host, {"ours.example.org"}) is ours


@pytest.mark.parametrize("page", [EVIL, {"origin": "null"}, {"sec-fetch-site": "cross-site"}])
@pytest.mark.parametrize(
    ("first", "headers", "body"),
    [
        ("POST /_emulator/reset", {}, b""),
        ("POST /moto-api/reset", {}, b""),
        ("POST /moto-api/reset/", {}, b""),
        ("POST /moto-api/seed?a=1", {"content-type": "multipart/form-data; boundary=x"}, b""),
        ("GET /_emulator/health", {}, b""),
        ("POST /_emulator/snapshot", {}, b""),
        ("POST /", LIST, b"{}"),
        ("POST /", LIST | signed("sagemaker"), b"{}"),
        ("POST /", FORM, CREATE_USER),
        ("POST /", FORM | signed("iam"), CREATE_USER),
        ("POST /endpoints/e/invocations", {}, b"1,2"),
        ("POST /endpoints/e/invocations", signed("sagemaker"), b"1,2"),
        (f"POST /{BUCKET}?delete", {"content-type": "text/plain"}, b"<Delete/>"),
    ],
)
def test_a_foreign_page_is_refused(
    aws: Mounted, page: dict[str, str], first: str, headers: dict[str, str], body: bytes
) -> None:
    reply = asked(aws, first, headers | page, body)
    assert reply.status == 403
    assert "web pages of other sites" in json.loads(reply.body)["message"]
    assert "access-control-allow-origin" not in reply.headers


def test_what_a_foreign_page_asked_for_has_not_happened(aws: Mounted) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    asked(aws, "POST /_emulator/reset", EVIL)
    asked(aws, "POST /", FORM | EVIL, CREATE_USER)
    assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"
    assert aws.client("iam").list_users()["Users"] == []
    assert aws.calls == []


@pytest.mark.parametrize(
    "first",
    ["POST /_emulator/reset", "POST /moto-api/reset/", "GET /_emulator/health", "POST /_emulator/snapshot"],
)
def test_our_own_api_is_not_reached_by_a_name_that_was_made_to_lead_here(aws: Mounted, first: str) -> None:
    reply = asked(aws, first, {"host": "evil.example:4577"})
    assert (reply.status, "host name" in json.loads(reply.body)["message"]) == (403, True)


@pytest.mark.parametrize("page", [{}, {"origin": "http://localhost:3000"}, {"sec-fetch-site": "same-origin"}])
def test_clients_and_pages_of_this_machine_are_answered(aws: Mounted, page: dict[str, str]) -> None:
    assert asked(aws, "GET /_emulator/health", page).status == 200
    assert asked(aws, "POST /", LIST | page, b"{}").status == 200
    assert asked(aws, "POST /endpoints/e/invocations", page, b"1,2").body == b"1,2"
    assert asked(aws, "POST /_emulator/reset", page).status == 200


def test_a_buckets_cors_rules_decide_what_a_foreign_page_may_do_in_it(aws: Mounted) -> None:
    s3 = aws.client("s3")
    rule = {"AllowedOrigins": ["http://friend.example"], "AllowedMethods": ["GET", "PUT"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    wish = {"access-control-request-method": "PUT"}
    friend = {"origin": "http://friend.example", "sec-fetch-site": "cross-site"}
    assert asked(aws, f"OPTIONS /{BUCKET}/k", wish | friend).headers["access-control-allow-origin"] == friend["origin"]
    assert asked(aws, f"PUT /{BUCKET}/k", signed("s3") | friend, b"y").status == 200
    seen = asked(aws, f"GET /{BUCKET}/k", signed("s3") | friend)
    assert (seen.body, seen.headers["access-control-allow-origin"]) == (b"y", friend["origin"])
    assert asked(aws, f"OPTIONS /{BUCKET}/k", wish | EVIL).status == 403
    assert "access-control-allow-origin" not in asked(aws, f"GET /{BUCKET}/k", signed("s3") | EVIL).headers


@pytest.mark.parametrize("path", ["/", "/new-bucket", f"/{BUCKET}/k"])
def test_without_cors_rules_no_preflight_is_granted(aws: Mounted, path: str) -> None:
    reply = asked(aws, f"OPTIONS {path}", EVIL | {"access-control-request-method": "PUT"})
    assert "access-control-allow-origin" not in reply.headers


def test_a_foreign_page_may_upload_by_form(aws: Mounted) -> None:
    fields = aws.client("s3").generate_presigned_post(BUCKET, "k")["fields"]
    part = '--b\r\ncontent-disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    parts = [part.format(name, "", value) for name, value in fields.items()]
    body = "".join([*parts, part.format("file", '; filename="f"', "bytes"), "--b--\r\n"]).encode()
    reply = asked(aws, f"POST /{BUCKET}", EVIL | {"content-type": "multipart/form-data; boundary=b"}, body)
    assert reply.status == 204
    assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"bytes"
