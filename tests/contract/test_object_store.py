"""What every ObjectStore does: ours and that of another server, moto's. boto3 looks at the same buckets."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from benchmarks.server import MotoServer
from emulator.objects.port import NoSuchBucket, NoSuchKey, ObjectStore
from emulator.objects.remote import RemoteObjects
from emulator.objects.server import S3Server
from tests.mounted import ACCOUNT, REGION, Mounted, mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Mounted]:
    with mounted(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The URL of a moto server, which is a process of its own."""
    with MotoServer() as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.fixture
def remote(moto: str, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server with nothing but an empty bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    urlopen(Request(f"{moto}/moto-api/reset", method="POST")).close()
    server = S3Server.of(moto, "", REGION)
    server.client().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return server


@pytest.fixture(params=["ours", "remote"])
def both(request: pytest.FixtureRequest) -> tuple[ObjectStore, Any]:
    """A store, and a client that looks at the same objects."""
    if request.param == "ours":
        aws: Mounted = request.getfixturevalue("aws")
        return aws.cloud.objects, aws.client("s3")
    server: S3Server = request.getfixturevalue("remote")
    return RemoteObjects(server), server.client()


@pytest.fixture
def store(both: tuple[ObjectStore, Any]) -> ObjectStore:
    return both[0]


@pytest.fixture
def s3(both: tuple[ObjectStore, Any]) -> Any:
    return both[1]


def test_what_is_put_is_read_back_and_seen_by_clients(store: ObjectStore, s3: Any) -> None:
    info = store.put(BUCKET, "a/model.tar.gz", b"bytes")
    assert (info.key, info.size, info.etag) == ("a/model.tar.gz", 5, hashlib.md5(b"bytes").hexdigest())
    with store.open(BUCKET, "a/model.tar.gz") as file:
        assert file.read() == b"bytes"
    seen = s3.get_object(Bucket=BUCKET, Key="a/model.tar.gz")
    assert (seen["Body"].read(), seen["ETag"], seen["ContentLength"]) == (b"bytes", f'"{info.etag}"', 5)
    assert seen["LastModified"].timestamp() == int(info.last_modified)


def test_what_clients_put_is_read(store: ObjectStore, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="train/ü %.csv", Body=b"1,2")
    with store.open(BUCKET, "train/ü %.csv") as file:
        assert (file.read(1), file.seek(0), file.read()) == (b"1", 0, b"1,2")


def test_file_is_put_from_where_it_stands_and_never_whole_in_memory(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    list(store.list(BUCKET))
    tracemalloc.start()
    with path.open("rb") as file:
        file.seek(1 << 20)
        info = store.put(BUCKET, "large", file)
    with store.open(BUCKET, "large") as copy:
        assert len(copy.read(1 << 20)) == 1 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert info.size == 63 << 20
    assert peak < 16 << 20


def test_put_is_durable(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.cloud.objects.put(BUCKET, "k", io.BytesIO(b"kept"), kms_key_id="key-1")
    with mounted(tmp_path) as aws:
        with aws.cloud.objects.open(BUCKET, "k") as file:
            assert file.read() == b"kept"
        head = aws.client("s3").head_object(Bucket=BUCKET, Key="k")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "key-1")


def test_list_is_by_prefix_and_in_the_order_of_keys(store: ObjectStore, s3: Any) -> None:
    for key in ("a/2", "a/10", "a/", "b/1", "a"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    assert [item.key for item in store.list(BUCKET, "a/")] == ["a/", "a/10", "a/2"]
    assert [(item.key, item.size) for item in store.list(BUCKET, "b")] == [("b/1", 3)]
    assert len(list(store.list(BUCKET))) == 5
    assert list(store.list(BUCKET, "nothing")) == []


def test_list_knows_more_objects_than_fit_a_page(store: ObjectStore, s3: Any) -> None:
    for number in range(1001):
        s3.put_object(Bucket=BUCKET, Key=f"many/{number:05}", Body=b"x")
    assert [item.key for item in store.list(BUCKET, "many/")] == [f"many/{number:05}" for number in range(1001)]


def test_deleted_object_is_neither_listed_nor_opened(store: ObjectStore, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    store.put(BUCKET, "k", b"x")
    s3.delete_object(Bucket=BUCKET, Key="k")
    assert list(store.list(BUCKET)) == []
    with pytest.raises(NoSuchKey, match=r"The specified key does not exist\."):
        store.open(BUCKET, "k")


@pytest.mark.parametrize("versions", ["Enabled", "Suspended"])
def test_what_is_deleted_is_gone_for_clients_and_a_version_of_it_is_not(
    store: ObjectStore, s3: Any, versions: str
) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": versions})
    for key in ("a/1", "a/2"):
        store.put(BUCKET, key, b"x" * 100_000)
    store.delete(BUCKET, "a/1")
    store.delete(BUCKET, "a/never")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["a/2"]
    with pytest.raises(NoSuchKey):
        store.open(BUCKET, "a/1")
    kept = [item["Key"] for item in s3.list_object_versions(Bucket=BUCKET)["Versions"]]
    assert kept == (["a/1", "a/2"] if versions == "Enabled" else ["a/2"])


def test_a_deletion_is_durable_and_removes_the_bytes(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.cloud.objects.put(BUCKET, "k", b"x" * 100_000)
        aws.cloud.objects.delete(BUCKET, "k")
    with mounted(tmp_path) as aws:
        assert list(aws.cloud.objects.list(BUCKET)) == []
        assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_what_is_open_stays_readable_when_it_is_replaced_or_deleted(store: ObjectStore, s3: Any) -> None:
    store.put(BUCKET, "k", b"old")
    first = store.open(BUCKET, "k")
    store.put(BUCKET, "k", b"new")
    second = store.open(BUCKET, "k")
    s3.delete_object(Bucket=BUCKET, Key="k")
    with first, second:
        assert (first.read(), second.read()) == (b"old", b"new")


def test_missing_bucket_is_told_in_s3s_words(store: ObjectStore, tmp_path: Path) -> None:
    for use in (
        lambda: store.list("missing-bucket"),
        lambda: store.open("missing-bucket", "k"),
        lambda: store.place("missing-bucket", "k", tmp_path / "target"),
        lambda: store.put("missing-bucket", "k", b""),
        lambda: store.delete("missing-bucket", "k"),
    ):
        with pytest.raises(NoSuchBucket, match="The specified bucket does not exist"):
            use()


def upload(s3: Any, key: str, *parts: bytes) -> bytes:
    """A multipart upload; answers the whole object."""
    upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        made = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=part)
        done.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload_id, MultipartUpload={"Parts": done})
    return b"".join(parts)


@pytest.mark.parametrize("shared", [False, True])
def test_objects_of_every_making_are_placed_as_they_are(
    store: ObjectStore, s3: Any, tmp_path: Path, shared: bool
) -> None:
    made = {"put": b"put by a client", "empty": b"", "inside": b"put by the emulator"}
    store.put(BUCKET, "inside", made["inside"])
    s3.put_object(Bucket=BUCKET, Key="put", Body=made["put"])
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    made["parts"] = upload(s3, "parts", b"a" * (5 << 20), b"b" * 11)
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "parts"})
    made["copy"] = made["parts"]
    for key, content in made.items():
        store.place(BUCKET, key, tmp_path / key, shared=shared)
        assert (tmp_path / key).read_bytes() == content


def test_a_placed_file_is_the_callers_own(store: ObjectStore, tmp_path: Path) -> None:
    before = store.put(BUCKET, "k", b"stored")
    for name in ("written", "truncated", "removed"):
        store.place(BUCKET, "k", tmp_path / name)
    (tmp_path / "written").write_bytes(b"mine!!")
    (tmp_path / "written").chmod(0o777)
    with (tmp_path / "truncated").open("r+b") as file:
        file.truncate(1)
    (tmp_path / "removed").unlink()
    with store.open(BUCKET, "k") as file:
        assert file.read() == b"stored"
    assert list(store.list(BUCKET)) == [before]


@pytest.mark.parametrize("shared", [False, True])
def test_a_placed_file_outlives_its_object(store: ObjectStore, s3: Any, tmp_path: Path, shared: bool) -> None:
    store.put(BUCKET, "k", b"old")
    store.place(BUCKET, "k", tmp_path / "first", shared=shared)
    store.put(BUCKET, "k", b"new")
    store.place(BUCKET, "k", tmp_path / "second", shared=shared)
    s3.delete_object(Bucket=BUCKET, Key="k")
    assert ((tmp_path / "first").read_bytes(), (tmp_path / "second").read_bytes()) == (b"old", b"new")


def test_nothing_is_placed_over_what_is_there_or_of_what_is_not(store: ObjectStore, tmp_path: Path) -> None:
    store.put(BUCKET, "k", b"new")
    (tmp_path / "there").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        store.place(BUCKET, "k", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"old"
    with pytest.raises(NoSuchKey):
        store.place(BUCKET, "missing", tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("good", [0, 20 << 20], ids=["at once", "after some parts"])
def test_put_that_fails_leaves_no_bytes_behind(store: ObjectStore, s3: Any, tmp_path: Path, good: int) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= good:
                raise OSError("the disk went away")
            return super().read(size)

    with pytest.raises(OSError, match="disk went away"):
        store.put(BUCKET, "k", Broken(bytes(good)))
    assert list(store.list(BUCKET)) == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_bucket_of_another_region_and_account_is_found_by_its_name(aws: Mounted) -> None:
    store = aws.cloud.objects
    where = {"LocationConstraint": "ap-south-1"}
    theirs = aws.client("s3", region_name="ap-south-1")
    theirs.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"x-moto-account-id": "444455556666"})
    )
    theirs.create_bucket(Bucket="theirs", CreateBucketConfiguration=where)
    assert theirs.head_bucket(Bucket="theirs")["BucketRegion"] == "ap-south-1"
    store.put("theirs", "k", b"x", account="444455556666")
    assert [item.key for item in store.list("theirs")] == ["k"]
