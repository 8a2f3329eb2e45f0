"""``kill -9`` again and again on one data directory, while clients write: nothing is lost, torn or brought back."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.e2e.conftest import Starter
from tests.killing.checker import faults, settle, strays
from tests.killing.journal import Journal, Key
from tests.killing.looking import look, versions
from tests.killing.writer import PLAIN, VERSIONED, Writer
from tests.running import RunningEmulator

BUCKETS = (PLAIN, VERSIONED)
WRITERS = 4
LONGEST = 0.8
"""Seconds the clients write at most before the process is killed."""
WHOLE_EACH = 10
"""In each of so many rounds every key is read, in the others those that were touched; all are listed in each."""
TWICE_EACH = 7
"""In each of so many rounds the next process is killed as well, while it reads what the first left."""

LOOPS = [  # options of the emulator, and rounds
    pytest.param((), 50, id="as by default"),
    pytest.param(("--durability", "full"), 5, id="with durability full"),
]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("options", "rounds"), LOOPS)
def test_kills_at_any_moment_lose_tear_and_bring_back_nothing(
    options: tuple[str, ...], rounds: int, tmp_path: Path, start: Starter
) -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")
    dice, journal = random.Random(seed), Journal()
    emulator = start(tmp_path, *options)
    make_buckets(emulator)
    acknowledged = 0
    for number in range(1, rounds + 1):
        acknowledged += write_until_killed(emulator, journal, number, dice)
        if number % TWICE_EACH == 0:
            kill_while_it_recovers(emulator, dice)
        check(emulator.start(), journal, whole=number % WHOLE_EACH == 0 or number == rounds)
    assert acknowledged > rounds * WRITERS
    remove_all(emulator, journal)
    assert emulator.stop() == 0, emulator.log()
    emulator.start()
    check(emulator, journal, whole=True)
    assert emulator.stop() == 0, emulator.log()
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


def make_buckets(emulator: RunningEmulator) -> None:
    s3 = emulator.client("s3")
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})


def write_until_killed(emulator: RunningEmulator, journal: Journal, number: int, dice: random.Random) -> int:
    """Answers how many changes were acknowledged."""
    writers = [
        Writer(emulator.client("s3"), journal, f"writer-{one}@{number}", dice.getrandbits(32)) for one in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    time.sleep(dice.uniform(0.05, LONGEST))  # the moment of the kill, which no answer may depend on
    emulator.kill()
    for writer in writers:
        writer.join()
    assert [writer.error for writer in writers if writer.error is not None] == []
    return sum(writer.acknowledged for writer in writers)


def kill_while_it_recovers(emulator: RunningEmulator, dice: random.Random) -> None:
    s3 = emulator.start().client("s3")

    def ask() -> None:
        with contextlib.suppress(BotoCoreError):  # most are not answered any more
            s3.list_objects_v2(Bucket=PLAIN)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(dice.uniform(0, LONGEST))
    emulator.kill()
    asking.join()


def check(emulator: RunningEmulator, journal: Journal, *, whole: bool) -> None:
    s3 = emulator.client("s3")
    seen = look(s3, BUCKETS, journal.every_key() if whole else journal.touched())
    found = faults(journal, seen)
    assert found == [], "\n".join(found)
    abort(s3, strays(journal, seen))
    settle(journal, seen)


def abort(s3: Any, uploads: dict[str, Key]) -> None:
    for id, key in uploads.items():
        s3.abort_multipart_upload(Bucket=key.bucket, Key=key.name, UploadId=id)


def remove_all(emulator: RunningEmulator, journal: Journal) -> None:
    s3 = emulator.client("s3")
    abort(s3, {upload.id: upload.key for upload in journal.uploads.values()})
    journal.uploads.clear()
    for key in journal.every_key():
        change = journal.begin(key, ())
        for one in versions(s3, key):
            s3.delete_object(Bucket=key.bucket, Key=key.name, VersionId=one["VersionId"])
        journal.acknowledge(change)
