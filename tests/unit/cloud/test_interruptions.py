"""A close or a reset in the middle of requests: what was acknowledged is there, or was cleared."""

from __future__ import annotations

import contextlib
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
