"""Who answers which request, asked with boto3 and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.arns import Scope
from emulator.front.messages import BODY_LIMIT
from tests.mounted import ACCOUNT, REGION, Mounted
from tests.unit.front.raw import Reply, connect, exchange, parsed, received

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"


def signature(service: str) -> bytes:
    """An Authorization header for ``service``; nobody verifies it."""
    scope = f"Credential=AKIAIOSFODNN7EXAMPLE/20260101/{REGION}/{service}/aws4_request"
    return f"authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00\r\n".encode()


def asked(aws: Mounted, first: str, headers: bytes = b"", body: bytes = b"") -> Reply:
    """The reply to a request by hand."""
    size = b"content-length: %d\r\n" % len(body) if body else b""
    head = f"{first} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".encode()
    return exchange(aws.url, head + headers + size + b"\r\n" + body)


def error(reply: Reply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["__type"].split("#")[-1]


def test_control_plane_call_reaches_sagemaker(aws: Mounted) -> None:
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_control_plane_operation_that_is_not_built_is_a_501_without_retries(aws: Mounted) -> None:
    with pytest.raises(ClientError) as raised:
        aws.client("sagemaker").list_apps()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_unsigned_control_plane_call_is_known_by_its_target(aws: Mounted) -> None:
    assert asked(aws, "POST /", b"x-amz-target: SageMaker.ListEndpoints\r\n", b"{}").status == 200


@pytest.mark.parametrize("target", [b"x-amz-target: SageMaker.NoSuchThing\r\n", b"x-amz-target: nonsense\r\n", b""])
def test_unknown_or_missing_target_is_sagemakers_own_error(aws: Mounted, target: bytes) -> None:
    reply = asked(aws, "POST /", target + signature("sagemaker"), b"{}")
    assert error(reply) == (400, "UnknownOperationException")


@pytest.mark.parametrize("chunked", [False, True])
def test_control_plane_body_over_the_limit_is_refused(aws: Mounted, chunked: bool) -> None:
    body = b'{"a":"' + b"x" * BODY_LIMIT + b'"}'
    headers = b"x-amz-target: SageMaker.ListEndpoints\r\n" + signature("sagemaker")
    if chunked:
        framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
        reply = exchange(aws.url, head + headers + b"\r\n" + framed)
    else:
        reply = asked(aws, "POST /", headers, body)
    assert error(reply) == (413, "RequestEntityTooLarge")


def test_invocation_reaches_the_data_plane(aws: Mounted) -> None:
    reply = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"1,2")
    assert reply["Body"].read() == b"1,2"
    assert reply["ResponseMetadata"]["HTTPHeaders"]["x-answered-by"] == "data plane"


def test_unsigned_invocation_reaches_the_data_plane(aws: Mounted) -> None:
    assert asked(aws, "POST /endpoints/e/invocations", body=b"1,2").headers["x-answered-by"] == "data plane"


def test_other_runtime_operations_are_found_by_their_path(aws: Mounted) -> None:
    with pytest.raises(ClientError) as raised:
        aws.client("sagemaker-runtime").invoke_endpoint_async(EndpointName="e", InputLocation="s3://b/k")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize("first", ["POST /endpoints//invocations", "GET /endpoints/mine/invocations"])
def test_invocation_that_cannot_be_one_is_an_operation_the_runtime_does_not_know(aws: Mounted, first: str) -> None:
    reply = asked(aws, first, signature("sagemaker"))
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "unknownoperationexception")
    assert reply.headers["x-amzn-requestid"]
    assert first in json.loads(reply.body)["message"]


def test_path_of_no_service_is_a_501_with_a_request_id(aws: Mounted) -> None:
    reply = asked(aws, "GET /no/%22such%22/path", signature("sagemaker"))
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (501, "notimplemented")
    assert reply.headers["x-amzn-requestid"]
    assert "/no/%22such%22/path" in json.loads(reply.body)["message"]


def test_sibling_service_that_is_not_built_is_a_501_in_its_protocol(aws: Mounted) -> None:
    features = aws.client("sagemaker-featurestore-runtime")
    with pytest.raises(ClientError, match="NotImplemented") as raised:
        features.get_record(FeatureGroupName="a", RecordIdentifierValueAsString="b")
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_s3_key_that_looks_like_an_invocation_is_an_object(aws: Mounted) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="endpoints", CreateBucketConfiguration={"LocationConstraint": REGION})
    given = {"Bucket": "endpoints", "Key": "x/invocations"}
    s3.put_object(**given, Body=b"object")
    assert s3.get_object(**given)["Body"].read() == b"object"
    upload = s3.create_multipart_upload(**given)["UploadId"]
    part = s3.upload_part(**given, UploadId=upload, PartNumber=1, Body=b"parts")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**given, UploadId=upload, MultipartUpload=parts)
    presigned = s3.generate_presigned_url("create_multipart_upload", Params=given, HttpMethod="POST")
    with urlopen(Request(presigned, method="POST"), timeout=20) as reply:
        assert b"<UploadId>" in reply.read()
    with urlopen(s3.generate_presigned_url("get_object", Params=given), timeout=20) as reply:
        assert reply.read() == b"parts"


def test_presigned_upload_with_signature_version_2_is_s3s(aws: Mounted) -> None:
    """urllib says that what it sends is a form, which S3 does not mind.

    The signature speaks of no content type, so it would not do with a key whose secret is known.
    """
    s3 = aws.client("s3", config=Config(signature_version="s3"), aws_access_key_id="somebody")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "k"})
    with urlopen(Request(url, data=b"x", method="PUT"), timeout=20) as reply:
        assert reply.status == 200
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"


def test_large_object_goes_through_with_multipart_and_expect_100(aws: Mounted, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * (20 << 12))
    s3 = aws.client("s3")
    s3.upload_file(str(source), BUCKET, "large")
    s3.download_file(BUCKET, "large", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_object_whose_upload_broke_off_does_not_exist(aws: Mounted) -> None:
    with connect(aws.url) as sock:
        head = f"PUT /{BUCKET}/half HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n".encode()
        sock.sendall(head + signature("s3") + b"\r\n" + b"x" * 300_000)
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="whole", Body=b"x")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["whole"]


@pytest.mark.parametrize("host", ["emulator.internal:4577", "172.18.0.1:4577", "host.docker.internal"])
def test_path_style_works_under_any_name_a_container_uses_for_us(aws: Mounted, host: str) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    head = f"GET /{BUCKET}/k HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n".encode()
    assert exchange(aws.url, head + signature("s3") + b"\r\n").body == b"x"


def test_health_is_answered_without_credentials(aws: Mounted) -> None:
    reply = asked(aws, "GET /_emulator/health")
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/_emulator/reset", "/moto-api/reset"])
def test_reset_clears_all_state(aws: Mounted, path: str) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    assert json.loads(asked(aws, f"POST {path}").body) == {"status": "ok"}
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=BUCKET)


@pytest.mark.parametrize(("bucket", "key"), [("moto-api", "reset"), ("latest", "meta-data/x"), ("v20180820x", "k")])
def test_bucket_named_like_a_path_of_moto_is_a_bucket(aws: Mounted, bucket: str, key: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
    assert len(s3.list_buckets()["Buckets"]) == 2


def test_reset_under_a_spelling_only_moto_knows_is_ours_too(aws: Mounted, tmp_path: Path) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    assert json.loads(asked(aws, "POST /moto-api/reset/").body) == {"status": "ok"}
    assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    assert [item["Name"] for item in aws.client("s3").list_buckets()["Buckets"]] == [BUCKET]


@pytest.mark.parametrize(("first", "status"), [("GET /_emulator/nothing", 404), ("GET /_emulator/reset", 405)])
def test_own_api_has_its_own_errors(aws: Mounted, first: str, status: int) -> None:
    assert asked(aws, first).status == status


def test_two_requests_on_one_connection_go_to_different_sides(aws: Mounted) -> None:
    with connect(aws.url) as sock:
        sock.sendall(b"GET /_emulator/health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b'{"status":"ok"}' in sock.recv(1 << 16)
        head = b"POST /endpoints/e/invocations HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"
        sock.sendall(head + b"hi")
        assert parsed(received(sock)).headers["x-answered-by"] == "data plane"


def test_region_comes_from_the_signature_and_the_account_from_the_key(aws: Mounted) -> None:
    role = "arn:aws:iam::999988887777:role/theirs"
    theirs = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    aws.client("sagemaker", region_name="ap-south-1").list_endpoints()
    aws.client("sagemaker", aws_access_key_id=theirs["AccessKeyId"]).list_endpoints()
    asked(aws, "POST /", b"x-amz-target: SageMaker.ListEndpoints\r\n", b"{}")
    expected = [Scope(ACCOUNT, "ap-south-1"), Scope("999988887777", REGION), Scope(ACCOUNT, REGION)]
    assert [call.scope for call in aws.calls] == expected


def test_wrong_path_of_s3_is_s3s_error(aws: Mounted) -> None:
    with pytest.raises(HTTPError) as raised:
        urlopen(f"{aws.url}/no-such-bucket/key", timeout=20)
    body = raised.value.read()
    raised.value.close()
    assert (raised.value.code, b"<Code>NoSuchBucket</Code>" in body) == (404, True)
