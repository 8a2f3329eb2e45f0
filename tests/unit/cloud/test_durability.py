"""S3 and IAM across a restart, as a client sees them."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.cloud import Cloud
from emulator.state.sqlite import StateUnreadable
from tests.mounted import ACCOUNT, REGION, mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
ARN = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole"

Change = Callable[[Any], object]
View = Callable[[Any], object]

LIFECYCLE = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 3}}]}
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
SSE = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
TAGS = {"TagSet": [{"Key": "team", "Value": "ml"}]}

BUCKET_CONFIGURATION: dict[str, tuple[Change, View]] = {
    "versioning": (
        lambda s3: s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}),
        lambda s3: s3.get_bucket_versioning(Bucket=BUCKET)["Status"],
    ),
    "tags": (
        lambda s3: s3.put_bucket_tagging(Bucket=BUCKET, Tagging=TAGS),
        lambda s3: s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"],
    ),
    "policy": (
        lambda s3: s3.put_bucket_policy(Bucket=BUCKET, Policy='{"Version":"2012-10-17","Statement":[]}'),
        lambda s3: s3.get_bucket_policy(Bucket=BUCKET)["Policy"],
    ),
    "lifecycle": (
        lambda s3: s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=LIFECYCLE),
        lambda s3: s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"],
    ),
    "cors": (
        lambda s3: s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration=CORS),
        lambda s3: s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"],
    ),
    "encryption": (
        lambda s3: s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=SSE),
        lambda s3: s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"],
    ),
    "public access block": (
        lambda s3: s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=BLOCK),
        lambda s3: s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"],
    ),
    "acl": (
        lambda s3: s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read"),
        lambda s3: s3.get_bucket_acl(Bucket=BUCKET)["Grants"],
    ),
    "website": (
        lambda s3: s3.put_bucket_website(
            Bucket=BUCKET, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
        ),
        lambda s3: s3.get_bucket_website(Bucket=BUCKET)["IndexDocument"],
    ),
    "ownership": (
        lambda s3: s3.put_bucket_ownership_controls(
            Bucket=BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        ),
        lambda s3: s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"],
    ),
}


@pytest.mark.parametrize("name", BUCKET_CONFIGURATION)
def test_bucket_configuration_survives(tmp_path: Path, name: str) -> None:
    change, view = BUCKET_CONFIGURATION[name]
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        change(s3)
        before = view(s3)
    with mounted(tmp_path) as aws:
        assert view(aws.client("s3")) == before


def test_object_survives_with_everything_a_client_can_see_of_it(tmp_path: Path) -> None:
    def seen(s3: Any) -> tuple[object, ...]:
        found = s3.get_object(Bucket=BUCKET, Key="a/ü?%2F+", ChecksumMode="ENABLED")
        tags = s3.get_object_tagging(Bucket=BUCKET, Key="a/ü?%2F+")["TagSet"]
        head = [found.get(name) for name in ("ETag", "LastModified", "Metadata", "ContentType", "ContentLength")]
        return *head, found["ChecksumCRC32"], found["StorageClass"], found["Body"].read(), tags

    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.put_object(
            Bucket=BUCKET,
            Key="a/ü?%2F+",
            Body=b"one,two" * 1000,
            Metadata={"a_b": "1", "c-d": "2"},
            ContentType="text/csv",
            StorageClass="STANDARD_IA",
            Tagging="team=ml",
            ChecksumAlgorithm="CRC32",
        )
        before = seen(s3)
    with mounted(tmp_path) as aws:
        assert seen(aws.client("s3")) == before


def test_versions_and_delete_markers_survive(tmp_path: Path) -> None:
    def seen(s3: Any) -> tuple[object, object]:
        found = s3.list_object_versions(Bucket=BUCKET)
        versions = [(item["VersionId"], item["IsLatest"], item["ETag"]) for item in found["Versions"]]
        return versions, [(item["VersionId"], item["IsLatest"]) for item in found["DeleteMarkers"]]

    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        first = s3.put_object(Bucket=BUCKET, Key="k", Body=b"one")["VersionId"]
        second = s3.put_object(Bucket=BUCKET, Key="k", Body=b"two")["VersionId"]
        s3.delete_object(Bucket=BUCKET, Key="k")
        before = seen(s3)
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        assert seen(s3) == before
        for version, body in ((first, b"one"), (second, b"two")):
            assert s3.get_object(Bucket=BUCKET, Key="k", VersionId=version)["Body"].read() == body
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=BUCKET, Key="k")
        s3.delete_object(Bucket=BUCKET, Key="k", VersionId=second)
        s3.delete_object(Bucket=BUCKET, Key="k", VersionId=first)
    with mounted(tmp_path) as aws:
        assert "Versions" not in aws.client("s3").list_object_versions(Bucket=BUCKET)


def test_open_upload_is_completed_after_a_restart(tmp_path: Path) -> None:
    half = b"x" * (5 << 20)
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big", Metadata={"a": "1"})["UploadId"]
        given = {"Bucket": BUCKET, "Key": "big", "UploadId": upload}
        one = s3.upload_part(**given, PartNumber=1, Body=b"never used")
        one = s3.upload_part(**given, PartNumber=1, Body=half)
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        two = s3.upload_part(**given, PartNumber=2, Body=b"end")
        parts = [{"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 2, "ETag": two["ETag"]}]
        etag = s3.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})["ETag"]
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        found = s3.get_object(Bucket=BUCKET, Key="big")
        assert (found["ETag"], found["Metadata"], found["Body"].read()) == (etag, {"a": "1"}, half + b"end")
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
        assert stored_bodies(tmp_path) == 2  # one of each part; the one that was replaced is gone


def test_aborted_upload_leaves_nothing(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
        s3.upload_part(Bucket=BUCKET, Key="big", UploadId=upload, PartNumber=1, Body=b"x")
        s3.abort_multipart_upload(Bucket=BUCKET, Key="big", UploadId=upload)
        assert stored_bodies(tmp_path) == 0
    with mounted(tmp_path) as aws:
        assert "Uploads" not in aws.client("s3").list_multipart_uploads(Bucket=BUCKET)


def stored_bodies(state_dir: Path) -> int:
    """Blobs of either kind: files, and rows of the catalogue."""
    with sqlite3.connect(state_dir / "cloud.sqlite3") as db:
        (rows,) = db.execute("SELECT count(*) FROM blob").fetchone()
    db.close()
    return int(rows) + sum(path.is_file() for path in (state_dir / "objects").rglob("*"))


def test_copies_deletions_and_batches_survive_and_leave_no_body_behind(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        for name in ("a", "b", "c", "d"):
            s3.put_object(Bucket=BUCKET, Key=name, Body=name.encode())
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/a")
        s3.delete_object(Bucket=BUCKET, Key="a")
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
        s3.put_object(Bucket=BUCKET, Key="d", Body=b"new")
        assert stored_bodies(tmp_path) == 2
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["copy", "d"]
        assert s3.get_object(Bucket=BUCKET, Key="copy")["Body"].read() == b"a"
        assert s3.get_object(Bucket=BUCKET, Key="d")["Body"].read() == b"new"


def test_deleted_bucket_stays_deleted_and_its_name_is_free(tmp_path: Path) -> None:
    where = {"LocationConstraint": "eu-central-1"}
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", region_name="eu-central-1")
        s3.create_bucket(Bucket="mine", CreateBucketConfiguration=where)
        s3.delete_bucket(Bucket="mine")
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", region_name="eu-central-1")
        with pytest.raises(ClientError, match="404"):
            s3.head_bucket(Bucket="mine")
        s3.create_bucket(Bucket="mine", CreateBucketConfiguration=where)
    with mounted(tmp_path) as aws:
        assert aws.client("s3").get_bucket_location(Bucket="mine")["LocationConstraint"] == "eu-central-1"
        with pytest.raises(ClientError, match="BucketAlready"):
            aws.client("s3").create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": REGION})


def test_iam_survives(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        iam = aws.client("iam")
        iam.put_role_policy(RoleName=ARN.rsplit("/", maxsplit=1)[-1], PolicyName="p", PolicyDocument=POLICY)
        iam.create_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}])
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        aws.cloud.roles.create_for(f"arn:aws:iam::{ACCOUNT}:role/made")
    with mounted(tmp_path) as aws:
        iam = aws.client("iam")
        assert iam.list_role_policies(RoleName=ARN.rsplit("/", maxsplit=1)[-1])["PolicyNames"] == ["p"]
        assert iam.get_role(RoleName="made")["Role"]["Arn"].endswith(":role/made")
        mine = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        assert aws.client("sts", **mine).get_caller_identity()["Arn"].endswith(":user/ann")


def test_what_another_service_changes_in_s3_survives_too(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        tagging = aws.client("resourcegroupstaggingapi")
        tagging.tag_resources(ResourceARNList=[f"arn:aws:s3:::{BUCKET}"], Tags={"by": "tagging"})
    with mounted(tmp_path) as aws:
        tags = aws.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"]
        assert tags == [{"Key": "by", "Value": "tagging"}]


def test_access_log_that_a_read_causes_survives(tmp_path: Path) -> None:
    def logged(s3: Any) -> list[str]:
        return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="log/").get("Contents", [])]

    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        where = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket="watched", CreateBucketConfiguration=where)
        s3.put_bucket_acl(
            Bucket=BUCKET,
            GrantWrite="uri=http://acs.amazonaws.com/groups/s3/LogDelivery",
            GrantReadACP="uri=http://acs.amazonaws.com/groups/s3/LogDelivery",
        )
        target = {"LoggingEnabled": {"TargetBucket": BUCKET, "TargetPrefix": "log/"}}
        s3.put_bucket_logging(Bucket="watched", BucketLoggingStatus=target)
        s3.list_objects_v2(Bucket="watched")
        before = logged(s3)
        assert before
    with mounted(tmp_path) as aws:
        assert logged(aws.client("s3")) == before


def test_last_of_many_writers_of_one_key_is_what_a_restart_finds(tmp_path: Path) -> None:
    def write(number: int) -> None:
        s3 = aws.client("s3")
        for turn in range(15):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"%d-%d" % (number, turn))

    with mounted(tmp_path) as aws:
        writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        last = aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read()
        assert stored_bodies(tmp_path) == 1
    with mounted(tmp_path) as aws:
        assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == last


def test_reply_is_an_error_when_the_change_cannot_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.list_buckets()
        monkeypatch.setattr(aws.cloud._catalogue, "put_object", full)
        with pytest.raises(ClientError, match="cannot store its state: database or disk is full"):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")


CHANGES_OF_S3: dict[str, tuple[str, Change]] = {
    "a new object": ("put_object", lambda s3: s3.put_object(Bucket=BUCKET, Key="new", Body=b"x")),
    "a replaced object": ("put_object", lambda s3: s3.put_object(Bucket=BUCKET, Key="old", Body=b"other")),
    "a deleted object": ("drop_object", lambda s3: s3.delete_object(Bucket=BUCKET, Key="old")),
    "an object's tags": (
        "put_object",
        lambda s3: s3.put_object_tagging(Bucket=BUCKET, Key="old", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
    ),
    "a bucket's tags": ("put_bucket", lambda s3: s3.put_bucket_tagging(Bucket=BUCKET, Tagging=TAGS)),
    "a bucket's policy": ("put_bucket", lambda s3: s3.put_bucket_policy(Bucket=BUCKET, Policy=POLICY)),
    "a new bucket": (
        "put_bucket",
        lambda s3: s3.create_bucket(Bucket="new", CreateBucketConfiguration={"LocationConstraint": REGION}),
    ),
    "a deleted bucket": ("drop_bucket", lambda s3: s3.delete_bucket(Bucket="empty")),
    "a new upload": ("put_upload", lambda s3: s3.create_multipart_upload(Bucket=BUCKET, Key="big")),
}


def s3_as_seen(s3: Any) -> list[object]:
    """Everything of S3 that the changes above could change."""

    def configured(call: Callable[..., dict[str, Any]], member: str, **options: str) -> object:
        try:
            return call(Bucket=BUCKET, **options)[member]
        except ClientError as error:
            return error.response["Error"]["Code"]

    return [
        [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        [(item["Key"], item["ETag"]) for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]],
        s3.get_object(Bucket=BUCKET, Key="old")["Body"].read(),
        configured(s3.get_object_tagging, "TagSet", Key="old"),
        configured(s3.get_bucket_tagging, "TagSet"),
        configured(s3.get_bucket_policy, "Policy"),
        s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []),
    ]


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", CHANGES_OF_S3)
def test_change_of_s3_that_is_refused_for_want_of_space_has_not_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    writer, change = CHANGES_OF_S3[name]
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=Config(retries={"total_max_attempts": 1}))
        s3.create_bucket(Bucket="empty", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=BUCKET, Key="old", Body=b"first", Tagging="team=ml")
        before = s3_as_seen(s3)
        with monkeypatch.context() as full:
            full.setattr(aws.cloud._catalogue, writer, no_space)
            with pytest.raises(ClientError, match="No space left"):
                change(s3)
        assert s3_as_seen(s3) == before
        assert stored_bodies(tmp_path) == 1
        change(s3)  # there is space again


def test_object_whose_bytes_find_no_space_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=Config(retries={"total_max_attempts": 1}))
        s3.list_buckets()
        with monkeypatch.context() as full:
            full.setattr(aws.cloud._ready().s3.blobs, "save", no_space)
            with pytest.raises(ClientError, match="No space left"):
                s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
        assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_role_that_is_refused_for_want_of_space_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path) as aws:
        iam = aws.client("iam", config=Config(retries={"total_max_attempts": 1}))
        iam.list_roles()
        with monkeypatch.context() as full:
            full.setattr(aws.cloud._catalogue.services, "put_unit", no_space)
            with pytest.raises(ClientError, match="No space left"):
                iam.create_role(RoleName="new", AssumeRolePolicyDocument=POLICY)
        assert [role["Arn"] for role in iam.list_roles()["Roles"]] == [ARN]
        iam.create_role(RoleName="new", AssumeRolePolicyDocument=POLICY)


def test_part_that_is_refused_for_want_of_space_leaves_the_upload_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=Config(retries={"total_max_attempts": 1}))
        upload = {"Bucket": BUCKET, "Key": "big", "UploadId": ""}
        upload["UploadId"] = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
        s3.upload_part(**upload, PartNumber=1, Body=b"first")
        with monkeypatch.context() as full:
            full.setattr(aws.cloud._catalogue, "put_part", no_space)
            for number in (1, 2):
                with pytest.raises(ClientError, match="No space left"):
                    s3.upload_part(**upload, PartNumber=number, Body=b"second")
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in s3.list_parts(**upload)["Parts"]]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert s3.get_object(Bucket=BUCKET, Key="big")["Body"].read() == b"first"


def test_state_of_another_moto_that_can_be_read_is_taken_over(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    with sqlite3.connect(tmp_path / "cloud.sqlite3") as db:
        db.execute("UPDATE meta SET value = '4.0.0' WHERE name = 'moto'")
    db.close()
    with mounted(tmp_path) as aws:
        assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"


def test_state_of_another_moto_that_cannot_be_read_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    with sqlite3.connect(tmp_path / "cloud.sqlite3") as db:
        db.execute("UPDATE meta SET value = '4.0.0' WHERE name = 'moto'")
        db.execute("UPDATE object SET data = ?", (b"\x80\x05cmoto.s3.models\nNoSuchModel\n.",))
    db.close()
    for _ in range(2):
        with pytest.raises(StateUnreadable, match=r"written with moto 4\.0\.0 .* Install moto==4\.0\.0"):
            Cloud(ACCOUNT, REGION, tmp_path)


@pytest.mark.parametrize("table", ["meta", "service_meta"])
def test_state_of_a_later_format_is_refused(tmp_path: Path, table: str) -> None:
    Cloud(ACCOUNT, REGION, tmp_path).close()
    with sqlite3.connect(tmp_path / "cloud.sqlite3") as db:
        db.execute(f"INSERT OR REPLACE INTO {table} VALUES ('format', '99')")
    db.close()
    with pytest.raises(StateUnreadable, match="format 99"):
        Cloud(ACCOUNT, REGION, tmp_path)


def test_bodies_a_killed_process_had_not_named_are_swept(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    (tmp_path / "objects" / "ab").mkdir(parents=True, exist_ok=True)
    (tmp_path / "objects" / "ab" / "abandoned").write_bytes(b"half")
    with mounted(tmp_path) as aws:
        assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"
        assert stored_bodies(tmp_path) == 1


def test_objects_are_read_while_they_are_replaced(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"0" * 1000)
        done = threading.Event()

        def replace() -> None:
            writer = aws.client("s3")
            for number in range(60):
                writer.put_object(Bucket=BUCKET, Key="k", Body=b"%d" % (number % 10) * 1000)
            done.set()

        thread = threading.Thread(target=replace)
        thread.start()
        while not done.is_set():
            assert len(set(s3.get_object(Bucket=BUCKET, Key="k")["Body"].read())) == 1
        thread.join()


def test_small_bodies_that_a_killed_process_had_not_removed_are_swept(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    with sqlite3.connect(tmp_path / "cloud.sqlite3") as db:
        db.execute("INSERT INTO blob VALUES ('~abandoned', 'half')")
    db.close()
    with mounted(tmp_path) as aws:
        assert aws.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"
        assert stored_bodies(tmp_path) == 1


def test_bodies_that_cannot_be_removed_are_no_failure_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=Config(retries={"total_max_attempts": 1}))
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 20_000)
        with monkeypatch.context() as broken:
            broken.setattr(aws.cloud._ready().s3.blobs, "remove", no_space)
            s3.delete_object(Bucket=BUCKET, Key="k")
        assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
        assert stored_bodies(tmp_path) == 1
    with mounted(tmp_path) as aws:
        aws.client("s3").list_buckets()
        assert stored_bodies(tmp_path) == 0


def test_blob_that_many_keys_name_lives_as_long_as_one_of_them(tmp_path: Path) -> None:
    data = b"x" * 20_000
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key="0", Body=data)
        for number in range(1, 5):
            s3.copy_object(Bucket=BUCKET, Key=str(number), CopySource=f"{BUCKET}/{number - 1}")
    for number in range(4):
        with mounted(tmp_path) as aws:  # what names a blob is known after a restart as well
            s3 = aws.client("s3")
            s3.delete_object(Bucket=BUCKET, Key=str(number))
            assert s3.get_object(Bucket=BUCKET, Key="4")["Body"].read() == data
    with mounted(tmp_path) as aws:
        aws.client("s3").delete_object(Bucket=BUCKET, Key="4")
        assert stored_bodies(tmp_path) == 0
