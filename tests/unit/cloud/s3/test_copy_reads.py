"""What copies read: a source at most once, before their turn, and never again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.objects.blobs import Blobs
from emulator.objects.body import Segment
from tests.mounted import mounted
from tests.unit.cloud.s3.wire import BUCKET, PART, Store, checksum, chosen

PARTS = [b"a" * PART, b"end"]
WHOLE = b"".join(PARTS)
MD5 = f'"{hashlib.md5(WHOLE).hexdigest()}"'
SOURCE = {"Bucket": BUCKET, "Key": "k"}
PATIENCE = 30


class Reads:
    """Notes each reading of a blob's file, which ``before`` can hold up."""

    def __init__(self) -> None:
        self.count = 0
        self.before: Callable[[], object] = lambda: None

    def note(self) -> None:
        self.count += 1
        self.before()


class Held:
    """Holds readings up until it is told to let them go; counts those that it holds."""

    def __init__(self, expected: int = 1) -> None:
        self.all_there = threading.Barrier(expected + 1)
        self.go = threading.Event()

    def wait(self) -> None:
        self.all_there.wait(PATIENCE)
        assert self.go.wait(PATIENCE)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    found, original = Reads(), Blobs.open

    def opened(self: Blobs, segment: Segment) -> Any:
        found.note()
        return original(self, segment)

    monkeypatch.setattr(Blobs, "open", opened)
    return found


def copy(store: Store, key: str = "copy", **given: Any) -> dict[str, Any]:
    reply = store.client().copy_object(Bucket=BUCKET, Key=key, CopySource=SOURCE, **given)
    made: dict[str, Any] = reply["CopyObjectResult"]
    return made


@pytest.mark.parametrize("asked", [None, "CRC32", "SHA256", "CRC64NVME"])
@pytest.mark.parametrize("uploaded", ["CRC32", "CRC64NVME", "SHA1", None])
def test_object_in_parts_is_read_once_for_its_first_copy_and_not_for_the_next(
    store: Store, reads: Reads, uploaded: str | None, asked: str | None
) -> None:
    store.multipart("k", PARTS, **({"ChecksumAlgorithm": uploaded} if uploaded else {}))
    given = {"ChecksumAlgorithm": asked} if asked else {}
    files, algorithm = store.files, asked or uploaded or "CRC64NVME"
    for key in ("copy", "other"):
        made = copy(store, key, **given)
        assert (made["ETag"], made[f"Checksum{algorithm}"]) == (MD5, checksum(algorithm, WHOLE))
        assert reads.count == 1
    assert store.files == files


def test_copy_of_a_plain_object_reads_nothing(store: Store, reads: Reads) -> None:
    store.s3.put_object(**SOURCE, Body=WHOLE, ChecksumAlgorithm="SHA256")
    assert copy(store)["ETag"] == MD5
    assert copy(store, ChecksumAlgorithm="SHA256")["ChecksumSHA256"] == checksum("SHA256", WHOLE)
    assert reads.count == 0


def test_what_was_read_for_a_copy_is_known_after_a_restart(tmp_path: Path, reads: Reads) -> None:
    with mounted(tmp_path) as aws:
        store = Store(aws, tmp_path)
        store.multipart("k", PARTS, ChecksumAlgorithm="CRC32")
        copy(store)
    with mounted(tmp_path) as aws:
        made = copy(Store(aws, tmp_path), "other")
    assert (made["ETag"], made["ChecksumCRC32"], reads.count) == (MD5, checksum("CRC32", WHOLE), 1)


def test_object_that_takes_the_place_of_another_is_not_known_by_its_digests(store: Store) -> None:
    store.multipart("k", PARTS, ChecksumAlgorithm="CRC32")
    copy(store)
    store.multipart("k", [b"b" * PART, b"other"], ChecksumAlgorithm="CRC32")
    assert copy(store)["ChecksumCRC32"] == checksum("CRC32", b"b" * PART + b"other")


def test_other_changes_go_on_while_a_copy_reads_its_source(store: Store, reads: Reads) -> None:
    store.multipart("k", PARTS)
    held = Held()
    reads.before = held.wait
    with ThreadPoolExecutor() as pool:
        copied = pool.submit(copy, store)
        held.all_there.wait(PATIENCE)
        store.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy"}, {"Key": "x"}]})
        store.s3.put_object(Bucket=BUCKET, Key="copy", Body=b"1")
        assert not copied.done()
        held.go.set()
        assert copied.result(PATIENCE)["ETag"] == MD5
    assert reads.count == 1


def test_source_that_is_overwritten_while_it_is_read_is_copied_as_it_is_then(store: Store, reads: Reads) -> None:
    store.multipart("k", PARTS, ChecksumAlgorithm="CRC32")
    held, new = Held(), b"b" * PART + b"new"
    with ThreadPoolExecutor() as pool:
        reads.before = held.wait
        copied = pool.submit(copy, store)
        held.all_there.wait(PATIENCE)
        reads.before = lambda: None
        store.multipart("k", [new[:PART], b"new"], ChecksumAlgorithm="CRC32")
        held.go.set()
        made = copied.result(PATIENCE)
    assert (made["ETag"], made["ChecksumCRC32"]) == (f'"{hashlib.md5(new).hexdigest()}"', checksum("CRC32", new))
    assert store.body("copy") == new


@pytest.mark.parametrize("asked", [{}, {"CopySourceRange": f"bytes=1-{PART}"}])
def test_parts_of_one_upload_are_copied_side_by_side_and_read_once(
    store: Store, reads: Reads, asked: dict[str, str]
) -> None:
    store.multipart("k", PARTS, ChecksumAlgorithm="CRC32")
    upload = {"Bucket": BUCKET, "Key": "made"}
    upload["UploadId"] = store.s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    held = Held(2)
    reads.before = held.wait

    def part(number: int) -> dict[str, Any]:
        return chosen(number, store.client().upload_part_copy(**upload, PartNumber=number, CopySource=SOURCE, **asked))

    with ThreadPoolExecutor() as pool:
        copied = [pool.submit(part, number) for number in (1, 2)]
        held.all_there.wait(PATIENCE)
        held.go.set()
        parts = [done.result(PATIENCE) for done in copied]
    reads.before = lambda: None
    store.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert (reads.count, store.files) == (2, 1)
    assert store.body("made") == (WHOLE[1 : PART + 1] if asked else WHOLE) * 2
