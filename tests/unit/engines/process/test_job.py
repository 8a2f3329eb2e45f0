"""What the records of a job are worth when something was killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.engines.port import ContainerGone, EngineError
from emulator.engines.process import attendant
from emulator.engines.process.job import Job

SLEEP = (sys.executable, "-u", "-c", "import time; print('running'); time.sleep(600)")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    job = Job(tmp_path / "job")
    job.make({"name": "job"})
    yield job
    job.erase()


@pytest.fixture
def interrupt() -> Iterator[int]:
    ends = os.pipe()
    yield ends[0]
    for end in ends:
        os.close(end)


def start(job: Job, *argv: str) -> subprocess.Popen[bytes]:
    return job.start(argv, {"PATH": os.environ["PATH"]}, sandboxed=False)


def started(job: Job) -> dict[str, int]:
    return dict(json.loads((job.path / "started.json").read_text()))


def test_a_job_survives_whoever_started_it(tmp_path: Path, interrupt: int) -> None:
    program = (
        "import os, sys, pathlib; from emulator.engines.process.job import Job\n"
        "job = Job(pathlib.Path(sys.argv[1])); job.make({}); job.start(sys.argv[2:], dict(os.environ), False)\n"
        "os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[4]
    marker = tmp_path / "go"
    work = f"import os, time; print('one', flush=True)\nwhile not os.path.exists({str(marker)!r}): time.sleep(0.01)"
    command = [sys.executable, "-c", program, str(tmp_path / "job"), sys.executable, "-c", work + "\nprint('two')"]
    assert subprocess.run(command, cwd=root, check=False).returncode == -signal.SIGKILL
    job = Job(tmp_path / "job")
    assert job.state() == "running"
    following = job.lines(None, interrupt)
    assert next(following).text == "one"
    marker.touch()
    assert [line.text for line in following] == ["two"]
    assert job.exit().code == 0


def test_a_program_that_cannot_be_started_says_why(job: Job) -> None:
    with pytest.raises(EngineError, match="/no/such/program: No such file"):
        start(job, "/no/such/program")
    assert job.state() == "gone"


def test_a_job_whose_attendant_was_killed_is_gone_and_its_program_can_be_ended(job: Job) -> None:
    process = start(job, *SLEEP)
    program = started(job)["program"]
    process.kill()
    process.wait()
    assert job.state() == "gone"
    with pytest.raises(ContainerGone, match="vanished"):
        job.exit()
    watched = os.pidfd_open(program)
    job.erase()
    # It is init's child now: ended is when its descriptor can be read.
    assert select.select([watched], [], [], 30)[0] == [watched]
    os.close(watched)


def test_another_process_with_the_same_id_is_left_alone(job: Job) -> None:
    bystander = subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL, process_group=0)
    try:
        told = {"attendant": 1, "program": bystander.pid, "identity": "1/another-boot", "at": 0.0}
        (job.path / "started.json").write_text(json.dumps(told))
        job.erase()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_what_a_program_leaves_running_ends_with_it(job: Job) -> None:
    child = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    )
    process = start(job, sys.executable, "-c", child)
    process.wait()
    pid = int((job.path / "log").read_text().split()[1])
    with pytest.raises(ProcessLookupError):
        _until_gone(pid)


def _until_gone(pid: int) -> None:
    """Raises ProcessLookupError once nothing of the process is left; a killed one needs a moment."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2:3]:
        os.kill(pid, 0)
    raise ProcessLookupError


def test_the_attendant_holds_no_lock_once_it_ended(job: Job) -> None:
    start(job, sys.executable, "-c", "raise SystemExit(3)").wait()
    assert not job.alive()
    assert job.state() == "exited"
    assert job.exit().code == 3


def test_waiting_for_a_running_job_ends_with_the_time_given(job: Job) -> None:
    process = start(job, *SLEEP)
    assert not job.wait(0.0)
    job.stop(0)
    assert job.wait()
    process.wait()


def test_output_without_an_end_is_cut_before_it_fills_the_memory(tmp_path: Path) -> None:
    output = attendant.Output(str(tmp_path / "log"))
    for _ in range(attendant.LONGEST_LINE // attendant.CHUNK + 1):
        output.write(b"x" * attendant.CHUNK)
    output.finish()
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert [len(line.partition(b" ")[2]) for line in lines] == [attendant.LONGEST_LINE, attendant.CHUNK]


def test_lines_written_at_once_have_distinct_times(tmp_path: Path) -> None:
    output = attendant.Output(str(tmp_path / "log"))
    output.write(b"\n" * 1000)
    output.finish()
    times = [int(line.split()[0]) / 1e9 for line in (tmp_path / "log").read_bytes().splitlines()]
    assert len(set(times)) == 1000
    assert times == sorted(times)


def test_the_identity_of_a_process_is_its_start_and_none_means_none() -> None:
    assert attendant.identity(os.getpid()) == attendant.identity(os.getpid())
    assert attendant.identity(os.getpid()) != attendant.identity(1)
    assert attendant.identity(2**22 + 1) == ""
