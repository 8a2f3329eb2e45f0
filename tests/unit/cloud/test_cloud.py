"""Accounts, identities, seeds and reset."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.cloud import Cloud
from emulator.objects.port import NoSuchBucket
from emulator.state.sqlite import StateUnreadable
from tests.mounted import ACCOUNT, REGION, Mounted, mounted

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/AmazonSageMaker-ExecutionRole/SageMaker"


def keys_of(client: Any) -> dict[str, str]:
    """The credentials of a new IAM user, as boto3 takes them."""
    client.create_user(UserName="ann")
    key = client.create_access_key(UserName="ann")["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def assumed(aws: Mounted, role: str) -> dict[str, str]:
    """The credentials of a session of ``role``."""
    found = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def test_moto_is_not_imported_until_it_is_needed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from emulator.cloud import Cloud; import emulator.front;"
        f"cloud = Cloud('{ACCOUNT}', '{REGION}', Path(sys.argv[1])); cloud.account_of('AKIA'); cloud.reset();"
        "print([name for name in sys.modules if name.split('.')[0] == 'moto'])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_dummy_credentials_are_a_session_of_the_execution_role(aws: Mounted) -> None:
    caller = aws.client("sts").get_caller_identity()
    role = aws.client("iam").get_role(RoleName="AmazonSageMaker-ExecutionRole")["Role"]
    assert (caller["Arn"], caller["Account"]) == (SESSION, ACCOUNT)
    assert caller["UserId"] == f"{role['RoleId']}:SageMaker"
    assert role["Arn"] == ROLE


def test_iam_user_with_a_key_of_its_own_is_itself(aws: Mounted) -> None:
    keys = keys_of(aws.client("iam"))
    assert aws.client("sts", **keys).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"


def test_assumed_role_of_another_account_acts_in_that_account(aws: Mounted) -> None:
    session = assumed(aws, "arn:aws:iam::999988887777:role/theirs")
    caller = aws.client("sts", **session).get_caller_identity()
    assert caller["Arn"] == "arn:aws:sts::999988887777:assumed-role/theirs/session"
    assert aws.cloud.account_of(session["aws_access_key_id"]) == "999988887777"


def test_account_of_a_key_is_known_after_a_restart_without_moto(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        key = assumed(aws, "arn:aws:iam::999988887777:role/theirs")["aws_access_key_id"]
    again = Cloud(ACCOUNT, REGION, tmp_path)
    try:
        assert again.account_of(key) == "999988887777"
        assert again.account_of("AKIASOMETHINGELSE000") == ACCOUNT
        assert again._mounted is None
    finally:
        again.close()


def test_account_named_by_the_client_is_followed_as_in_moto(aws: Mounted) -> None:
    iam = aws.client("iam")
    iam.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"x-moto-account-id": "444455556666"})
    )
    assert iam.create_user(UserName="bob")["User"]["Arn"] == "arn:aws:iam::444455556666:user/bob"


def test_fresh_account_has_the_default_bucket_of_its_region(aws: Mounted) -> None:
    s3 = aws.client("s3")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [f"sagemaker-{REGION}-{ACCOUNT}"]
    assert s3.get_bucket_location(Bucket=f"sagemaker-{REGION}-{ACCOUNT}")["LocationConstraint"] == REGION


def test_what_was_seeded_and_deleted_stays_deleted(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").delete_bucket(Bucket=f"sagemaker-{REGION}-{ACCOUNT}")
        aws.client("iam").delete_role(RoleName="AmazonSageMaker-ExecutionRole")
    with mounted(tmp_path) as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []
        assert aws.client("iam").list_roles()["Roles"] == []


def test_reset_returns_to_a_fresh_account_and_stays_so(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="mine", Key="k", Body=b"x")
        aws.client("iam").create_user(UserName="ann")
        aws.client("sqs").create_queue(QueueName="q")
        aws.cloud.reset()
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [f"sagemaker-{REGION}-{ACCOUNT}"]
        assert aws.client("iam").list_users()["Users"] == []
        assert "QueueUrls" not in aws.client("sqs").list_queues()
        assert aws.client("sts").get_caller_identity()["Arn"] == SESSION
    with mounted(tmp_path) as aws:
        assert len(aws.client("s3").list_buckets()["Buckets"]) == 1
        assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_reset_before_moto_was_ever_used_forgets_what_is_on_disk(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").put_object(Bucket=f"sagemaker-{REGION}-{ACCOUNT}", Key="k", Body=b"x")
    with mounted(tmp_path) as aws:
        aws.cloud.reset()
        assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=f"sagemaker-{REGION}-{ACCOUNT}")


def test_second_cloud_in_one_process_is_refused_until_the_first_is_closed(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="close the first one"):
        Cloud(ACCOUNT, REGION, tmp_path / "second")
    assert list(cloud.objects.list(f"sagemaker-{REGION}-{ACCOUNT}")) == []
    cloud.close()
    second = Cloud(ACCOUNT, REGION, tmp_path / "second")
    with pytest.raises(RuntimeError, match="closed"):
        cloud.objects.list("x")
    with pytest.raises(NoSuchBucket):
        second.objects.list("x")
    second.close()


def test_cloud_whose_state_cannot_be_read_does_not_keep_others_out(tmp_path: Path) -> None:
    (tmp_path / "cloud.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(StateUnreadable, match=r"is damaged: file is not a database\. It was left as it is"):
        Cloud(ACCOUNT, REGION, tmp_path)
    Cloud(ACCOUNT, REGION, tmp_path / "other").close()


@pytest.mark.parametrize(
    "service", ["sqs", "sns", "kms", "secretsmanager", "ecr", "logs", "cloudwatch", "service-quotas"]
)
def test_services_of_the_contract_answer(aws: Mounted, service: str) -> None:
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "sqs": ("create_queue", {"QueueName": "q"}),
        "sns": ("create_topic", {"Name": "t"}),
        "kms": ("create_key", {}),
        "secretsmanager": ("create_secret", {"Name": "s", "SecretString": "x"}),
        "ecr": ("create_repository", {"repositoryName": "mine"}),
        "logs": ("create_log_group", {"logGroupName": "g"}),
        "cloudwatch": ("list_metrics", {}),
        "service-quotas": ("list_aws_default_service_quotas", {"ServiceCode": "vpc"}),
    }
    operation, given = calls[service]
    reply = getattr(aws.client(service), operation)(**given)
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert ACCOUNT in str(reply) or service in ("sqs", "logs", "cloudwatch", "service-quotas")


NOT_BUILT: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "simulate_custom_policy", {"PolicyInputList": ["{}"], "ActionNames": ["s3:GetObject"]}),  # query
    ("ec2", "describe_trunk_interface_associations", {}),  # ec2
    ("sqs", "list_message_move_tasks", {"SourceArn": "x"}),  # json
    ("cloudwatch", "describe_anomaly_detectors", {}),  # rpc-v2-cbor
    ("lakeformation", "list_lf_tag_expressions", {}),  # rest-json
    ("route53", "list_cidr_collections", {}),  # rest-xml
    ("pricing", "describe_services", {}),  # json, of a service moto has never heard of
    ("appfabric", "list_app_bundles", {}),  # rest-json, likewise
]


@pytest.mark.parametrize(("service", "operation", "given"), NOT_BUILT, ids=[case[0] for case in NOT_BUILT])
def test_what_moto_does_not_build_is_a_501_the_client_can_read_and_does_not_retry(
    aws: Mounted, service: str, operation: str, given: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(aws.client(service), operation)(**given)
    reply = raised.value.response
    assert reply["Error"]["Code"] == "NotImplemented"
    assert "not built in this emulator" in reply["Error"]["Message"]
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert reply["ResponseMetadata"]["RetryAttempts"] == 0


def test_motos_own_sagemaker_never_answers(cloud: Cloud) -> None:
    for path, target in (("/", "SageMaker.ListModels"), ("/endpoints/x/invocations", ""), ("/BatchPutMetrics", "")):
        scope = "Credential=A/20260101/us-east-1/sagemaker/aws4_request"
        started: list[str] = []
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "HTTP_X_AMZ_TARGET": target,
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        }
        list(cloud.wsgi(environ, lambda status, headers, started=started: started.append(status)))
        assert started == ["501 Not Implemented"]


def test_crash_inside_moto_is_an_error_the_client_can_read(aws: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.client("sqs").list_queues()
    from moto.sqs.models import SQSBackend

    monkeypatch.setattr(SQSBackend, "list_queues", lambda *_: 1 / 0)
    with pytest.raises(ClientError, match="ZeroDivisionError") as raised:
        aws.client("sqs", config=Config(retries={"total_max_attempts": 1})).list_queues()
    assert raised.value.response["Error"]["Code"] == "InternalFailure"


def test_unsigned_client_cannot_read_a_private_object(aws: Mounted) -> None:
    aws.client("s3").put_object(Bucket=f"sagemaker-{REGION}-{ACCOUNT}", Key="k", Body=b"x")
    anonymous = boto3.client("s3", endpoint_url=aws.url, region_name=REGION, config=Config(signature_version=UNSIGNED))
    with pytest.raises(ClientError, match="403"):
        anonymous.head_object(Bucket=f"sagemaker-{REGION}-{ACCOUNT}", Key="k")


def test_key_with_line_breaks_is_a_key_like_any_other(aws: Mounted) -> None:
    s3, bucket, key = aws.client("s3"), f"sagemaker-{REGION}-{ACCOUNT}", "two\nlines/and\r\nmore\n"
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
