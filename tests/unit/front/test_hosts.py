"""Virtual-host style S3: which hosts name a bucket, and boto3 using it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from botocore.config import Config

from emulator.front.hosts import bucket_of_host, to_path_style
from emulator.objects.sent import SENT_HOST, SENT_URI
from tests.mounted import ACCOUNT, REGION, Mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("mine.localhost:4577", "mine"),
        ("mine.s3.localhost", "mine"),
        ("mine.s3.amazonaws.com", "mine"),
        ("mine.s3.eu-west-1.amazonaws.com", "mine"),
        ("mine.s3-eu-west-1.amazonaws.com", "mine"),
        ("mine.s3.dualstack.eu-west-1.amazonaws.com", "mine"),
        ("mine.s3.cn-north-1.amazonaws.com.cn", "mine"),
        ("my.dotted.bucket.s3.amazonaws.com", "my.dotted.bucket"),
        ("localhost:4577", None),
        ("127.0.0.1:4577", None),
        ("172.18.0.1", None),
        ("[::1]:4577", None),
        ("s3.localhost:4577", None),
        ("s3.eu-west-1.localhost", None),
        ("s3.amazonaws.com", None),
        ("s3.eu-west-1.amazonaws.com", None),
        ("s3-eu-west-1.amazonaws.com", None),
        ("emulator.internal:4577", None),
        ("host.docker.internal:4577", None),
        ("111122223333.s3-control.eu-west-1.amazonaws.com", None),
        ("", None),
    ],
)
def test_host_names_a_bucket_or_none(host: str, bucket: str | None) -> None:
    assert bucket_of_host(host) == bucket


def test_bucket_moves_from_the_host_to_the_path() -> None:
    environ = {"HTTP_HOST": "mine.s3.amazonaws.com:80", "PATH_INFO": "/a/b", "RAW_URI": "/a%2Fb?acl"}
    to_path_style(environ)
    assert environ == {
        "HTTP_HOST": "localhost:80",
        "PATH_INFO": "/mine/a/b",
        "RAW_URI": "/mine/a%2Fb?acl",
        SENT_HOST: "mine.s3.amazonaws.com:80",
        SENT_URI: "/a%2Fb?acl",
    }


def test_s3s_control_plane_keeps_its_host() -> None:
    environ = {"HTTP_HOST": "1.s3-control.eu-west-1.amazonaws.com", "PATH_INFO": "/v20180820/x", "RAW_URI": "/x"}
    to_path_style(dict(environ))
    assert environ["HTTP_HOST"] == "1.s3-control.eu-west-1.amazonaws.com"


def reached_at(aws: Mounted, client: Any) -> Any:
    """Let a client speak to our port whatever host it names, as name resolution would."""

    def redirect(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        request.headers["Host"] = parts.netloc
        request.url = urlunsplit(parts._replace(scheme="http", netloc=urlsplit(aws.url).netloc))

    client.meta.events.register("before-send.s3", redirect)
    return client


@pytest.mark.parametrize("endpoint", ["http://localhost:4577", "http://s3.localhost", None])
def test_boto3_works_in_virtual_host_style(aws: Mounted, endpoint: str | None) -> None:
    style = Config(s3={"addressing_style": "virtual"})
    s3 = reached_at(aws, aws.client("s3", endpoint_url=endpoint, config=style))
    s3.put_object(Bucket=BUCKET, Key="a/ü?%2F", Body=b"x", Metadata={"a_b": "1"})
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["a/ü?%2F"]
    assert s3.get_object(Bucket=BUCKET, Key="a/ü?%2F")["Metadata"] == {"a_b": "1"}
    assert aws.client("s3").get_object(Bucket=BUCKET, Key="a/ü?%2F")["Body"].read() == b"x"


def test_boto3_works_with_a_bucket_in_the_path_of_amazons_host(aws: Mounted) -> None:
    style = Config(s3={"addressing_style": "path"})
    s3 = reached_at(aws, aws.client("s3", endpoint_url=None, config=style))
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"
