"""A large object passes through a snapshot without passing through memory, and killing the command spoils nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import start
from tests.running import RunningEmulator, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="measures memory in /proc")]

BUCKET = "sagemaker-us-east-1-123456789012"
SIZE = 200 << 20
ROOM = 64 << 10
"""Kilobytes that may be used on top of what a snapshot without large objects takes: a third of the object."""

MEASURED = """
import sys
from pathlib import Path
from emulator.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
print(Path("/proc/self/status").read_text())
"""
"""Runs a command and tells its memory. What the system tells its parent begins with the parent's own."""


class Noise:
    """`SIZE` bytes that do not compress, made while they are read."""

    def __init__(self) -> None:
        self._left = SIZE
        self.seen = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = os.urandom(min(self._left, 1 << 20 if size < 0 else size))
        self._left -= len(block)
        self.seen.update(block)
        return block


def digest(emulator: RunningEmulator) -> str:
    found = hashlib.sha256()
    for block in emulator.client("s3").get_object(Bucket=BUCKET, Key="large")["Body"].iter_chunks(1 << 20):
        found.update(block)
    return found.hexdigest()


def peak(pid: int) -> int:
    """Kilobytes that a process has used at most since `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def used(*arguments: str) -> int:
    """Run a command; answers the kilobytes it used at most."""
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.partition("VmHWM:")[2].split()[0])


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator("process", tmp_path / "one").start()
    running.client("s3").list_buckets()
    yield running
    assert running.stop() == 0, running.log()


def put_large(emulator: RunningEmulator) -> str:
    """Put the object; answers its digest."""
    noise = Noise()
    s3 = emulator.client("s3")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
    which = {"Bucket": BUCKET, "Key": "large", "UploadId": upload}
    parts = []
    for number in range(1, 9):
        block = b"".join(noise.read(1 << 20) for _ in range(SIZE // 8 >> 20))
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**which, PartNumber=number, Body=block)["ETag"]})
    s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})
    return str(noise.seen.hexdigest())


def test_a_large_object_is_saved_and_loaded_in_little_memory(emulator: RunningEmulator, tmp_path: Path) -> None:
    small, large = str(tmp_path / "small"), str(tmp_path / "large")
    here = ("--data-dir", str(emulator.data_dir))
    usual = used("snapshot", "save", small, *here), used("snapshot", "load", small, "--data-dir", str(tmp_path / "two"))
    sent = put_large(emulator)
    forget_peak(emulator.pid)
    before = peak(emulator.pid)

    assert used("snapshot", "save", large, *here) < usual[0] + ROOM
    assert peak(emulator.pid) < before + ROOM
    assert used("snapshot", "load", large, "--force", "--data-dir", str(tmp_path / "two")) < usual[1] + ROOM

    other = RunningEmulator("process", tmp_path / "two").start()
    assert digest(other) == sent
    assert other.stop() == 0


def test_a_save_that_is_killed_leaves_the_earlier_file(emulator: RunningEmulator, tmp_path: Path) -> None:
    put_large(emulator)
    file = tmp_path / "state"
    file.write_bytes(b"earlier")
    process = start("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
    until(lambda: any(part.stat().st_size for part in tmp_path.glob(".state.*.part")), what="saving began")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert file.read_bytes() == b"earlier"
    must_not_be_held(emulator)


def must_not_be_held(emulator: RunningEmulator) -> None:
    """What a client that has gone was being sent is removed as usual."""
    emulator.client("s3").delete_object(Bucket=BUCKET, Key="large")
    until(lambda: not list((emulator.data_dir / "objects").glob("??/*")), what="the bytes are removed")


def test_an_emulator_that_dies_while_it_saves_leaves_no_file(emulator: RunningEmulator, tmp_path: Path) -> None:
    put_large(emulator)
    file = tmp_path / "state"
    process = start("snapshot", "save", str(file), "--data-dir", str(emulator.data_dir))
    until(lambda: any(part.stat().st_size for part in tmp_path.glob(".state.*.part")), what="saving began")
    emulator.kill()
    _, said = process.communicate()
    assert (process.returncode, said.count("\n")) == (1, 1)
    assert "did not send the whole snapshot" in said
    assert {path.name for path in tmp_path.iterdir()} == {"one"}
    emulator.start()
    assert list((emulator.data_dir / "work").glob("snapshot/*")) == []
