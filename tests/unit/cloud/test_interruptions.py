"""A close or a reset in the middle of requests: what was acknowledged is there, or was cleared."""

from __future__ import annotations

import contextlib
import errno
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.mounted import ACCOUNT, REGION, Mounted, mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
ONCE = Config(retries={"total_max_attempts": 1})


def keys(s3: Any) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def test_request_that_waits_to_be_stored_while_the_cloud_is_closed_takes_nothing_along(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=ONCE)
        s3.put_object(Bucket=BUCKET, Key="kept", Body=b"x")
        waiting, failed = threading.Event(), threading.Event()
        ledger = aws.cloud._ready().s3.ledger
        write = ledger._write

        def slow(names: Any) -> None:
            waiting.set()
            closer.join()
            write(names)

        def put() -> None:
            try:
                aws.client("s3", config=ONCE).put_object(Bucket=BUCKET, Key="late", Body=b"x")
            except (BotoCoreError, ClientError):
                failed.set()

        def close() -> None:
            assert waiting.wait(20)
            aws.cloud._catalogue.lock = threading.RLock()  # type: ignore[misc]  # as if the worker had it not yet
            aws.cloud.close()

        ledger._write = slow  # type: ignore[method-assign]
        closer = threading.Thread(target=close)
        writer = threading.Thread(target=put)
        closer.start()
        writer.start()
        writer.join()
        assert failed.is_set()
    with mounted(tmp_path) as aws:
        assert keys(aws.client("s3")) == {"kept"}


def test_clients_that_write_while_the_cloud_is_closed_lose_nothing(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    enough = threading.Event()

    def write(aws: Mounted, number: int) -> None:
        s3 = aws.client("s3", config=ONCE)
        with contextlib.suppress(BotoCoreError, ClientError):
            for turn in range(10_000):
                s3.put_object(Bucket=BUCKET, Key=f"{number}-{turn}", Body=b"x" * 20_000)
                acknowledged.add(f"{number}-{turn}")
                if len(acknowledged) > 40:
                    enough.set()

    with mounted(tmp_path) as aws:
        writers = [threading.Thread(target=write, args=(aws, number)) for number in range(6)]
        for writer in writers:
            writer.start()
        assert enough.wait(60)
        aws.cloud.close()
        for writer in writers:
            writer.join()
    with mounted(tmp_path) as aws:
        assert acknowledged <= keys(aws.client("s3"))


def test_upload_that_a_reset_overtakes_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=ONCE)
        reception = aws.cloud._ready().s3.reception
        receive = reception.receive

        def overtaken(*given: Any) -> Any:
            claim = receive(*given)
            aws.cloud.reset()
            return claim

        with monkeypatch.context() as patched:
            patched.setattr(reception, "receive", overtaken)
            with pytest.raises(ClientError, match="was reset while the request was under way"):
                s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 100_000)
        assert keys(s3) == set()
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 100_000)
        assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x" * 100_000


def test_upload_that_begins_in_the_middle_of_a_reset_is_refused_or_whole(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=ONCE)
        inner = aws.cloud._ready().s3
        clear, receive = inner.blobs.clear, inner.reception.receive
        began, stored, over = threading.Event(), threading.Event(), threading.Event()
        answers: list[bool] = []

        def slow_clear() -> None:
            began.set()
            assert stored.wait(20)
            clear()

        def slow_receive(*given: Any) -> Any:
            claim = receive(*given)
            stored.set()
            assert over.wait(20)
            return claim

        def put() -> None:
            assert began.wait(20)
            try:
                s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 100_000)
                answers.append(True)
            except ClientError:
                answers.append(False)

        inner.blobs.clear, inner.reception.receive = slow_clear, slow_receive  # type: ignore[method-assign]
        writer = threading.Thread(target=put)
        writer.start()
        aws.cloud.reset()
        over.set()
        writer.join()
        assert answers == [False]
        assert keys(aws.client("s3")) == set()


def test_reset_that_is_cut_off_leaves_no_object_without_its_bytes(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        aws.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x" * 100_000)
        blobs = aws.cloud._ready().s3.blobs
        clear = blobs.clear

        def cut_off() -> None:
            clear()
            raise KeyboardInterrupt

        blobs.clear = cut_off  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            aws.cloud.reset()
    with mounted(tmp_path) as aws:
        assert keys(aws.client("s3")) == set()


def test_copy_that_cannot_be_stored_takes_nothing_back_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=ONCE)
        upload = {"Bucket": BUCKET, "Key": "source"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"old")["ETag"]}
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
        inner, catalogue = aws.cloud._ready().s3, aws.cloud._catalogue
        put_object = catalogue.put_object
        written, failed = threading.Event(), threading.Event()

        def full(bucket: str, name: str, *given: Any) -> None:
            if name == "source":
                return put_object(bucket, name, *given)
            other.start()
            assert written.wait(20)
            raise OSError(errno.ENOSPC, "No space left on device")

        def write() -> None:
            """Another client's write, which is done in moto and still to be stored while the copy fails."""
            from moto.s3.models import s3_backends

            with inner.request():
                s3_backends[ACCOUNT]["aws"].put_object(BUCKET, "source", b"new")
                written.set()
                assert failed.wait(20)
                inner.commit()

        other = threading.Thread(target=write)
        with monkeypatch.context() as patched:
            patched.setattr(catalogue, "put_object", full)
            with pytest.raises(ClientError, match="No space left"):
                s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/source")
        failed.set()
        other.join()
        assert s3.get_object(Bucket=BUCKET, Key="source")["Body"].read() == b"new"


def test_read_touches_no_other_service(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
        services = aws.cloud._ready().services
        seen: list[bool] = []
        commit = services.commit
        services.commit = lambda touched: (seen.append(bool(touched)), commit(touched))[1]  # type: ignore[method-assign]
        s3.get_object(Bucket=BUCKET, Key="k")
        assert seen == [False]


def test_reads_do_not_wait_for_those_who_write(tmp_path: Path) -> None:
    with mounted(tmp_path) as aws:
        s3 = aws.client("s3", config=Config(read_timeout=20, retries={"total_max_attempts": 1}))
        for key, size in (("small", 10), ("large", 100_000)):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * size)
        locked, done = threading.Event(), threading.Event()

        def hold() -> None:
            with aws.cloud._catalogue.lock:
                locked.set()
                done.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        assert locked.wait(20)
        try:
            assert s3.get_object(Bucket=BUCKET, Key="small")["Body"].read() == b"x" * 10
            assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == b"x" * 100_000
            assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == 100_000
            assert keys(s3) == {"small", "large"}
        finally:
            done.set()
            holder.join()
