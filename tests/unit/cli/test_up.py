"""`sagemaker-emulator up` in the foreground."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningEmulator, training_request, until
from tests.unit.cli.conftest import NO_DOCKER, Run


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator("process", tmp_path / "data").start()
    yield running
    running.kill()


def health(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/_emulator/health") as answer:
        found: dict[str, object] = json.load(answer)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_ready_line_serves_and_ends_cleanly_on_a_signal(
    number: signal.Signals, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "emulator", "up", "--port", "0", "--engine", "process"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as up:
        assert up.stdout is not None
        ready = up.stdout.readline()
        found = re.fullmatch(
            r'Ready: (http://127\.0\.0\.1:\d+)  \(process\)  eval "\$\(sagemaker-emulator env\)"\n', ready
        )
        assert found is not None, ready
        assert health(found[1])["pid"] == up.pid
        up.send_signal(number)
        rest, errors = up.communicate()

    assert up.returncode == 0, errors
    assert rest == ""
    assert "Traceback" not in errors


def test_the_ready_line_of_an_unusual_emulator_says_how_to_mean_it(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "emulator", "up", "--port=0", "--engine=process", "--ephemeral"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as up:
        assert up.stdout is not None
        ready = up.stdout.readline()
        up.terminate()

    url = ready.split()[1]
    assert ready.endswith(f'eval "$(sagemaker-emulator env --url {url})"\n')
    assert up.returncode == 0
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def test_the_second_signal_ends_the_process_at_once() -> None:
    script = (
        "import threading; from emulator.cli.up import Signals; signals = Signals(); print('ready', flush=True);"
        "signals.wait(); print('ending', flush=True)\nwhile True: threading.Event().wait(0.01)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "ending\n"
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 128 + signal.SIGTERM


def test_a_port_in_use_is_one_clear_line(run: Run, taken_port: int) -> None:
    done = run("up", "--engine", "process", "--port", str(taken_port))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(
        f"Error: Cannot listen on 127.0.0.1:{taken_port}: Address already in use"
    )
    assert "Traceback" not in done.stderr


def test_a_data_directory_in_use_is_one_clear_line(emulator: RunningEmulator, run: Run) -> None:
    done = run("up", "--engine", "process", "--port", "0", "--data-dir", str(emulator.data_dir))

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Another emulator uses the data directory {emulator.data_dir}.")
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_docker_engine_is_one_clear_line(run: Run) -> None:
    done = run("up", "--engine", "docker", "--port", "0", **NO_DOCKER)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: No Docker Engine answers (tried unix:///nowhere/docker.sock).")
    assert len(done.stderr.splitlines()) == 1


def test_a_database_of_another_version_is_one_clear_line(run: Run, emulator: RunningEmulator) -> None:
    assert emulator.stop() == 0
    with sqlite3.connect(emulator.data_dir / "emulator.db") as database:
        database.execute("UPDATE about SET schema_version = 999")

    done = run("up", "--engine", "process", "--port", "0", "--data-dir", str(emulator.data_dir))

    assert done.returncode == 1
    assert "schema version 999" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_data_directory_that_cannot_be_made_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = run("up", "--engine", "process", "--port", "0", "--data-dir", str(tmp_path / "file" / "below"))

    assert done.returncode == 1
    reason = f"The data directory {tmp_path}/file/below cannot be used: Not a directory."
    assert done.stderr == f"Error: {reason} Choose another one with --data-dir.\n"


@pytest.mark.slow
def test_at_its_end_it_says_that_training_jobs_go_on(emulator: RunningEmulator) -> None:
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    s3.create_bucket(Bucket="data")
    for key in ("train/a.csv", "validation/a.csv"):
        s3.put_object(Bucket="data", Key=key, Body="0,1,2\n1,3,4\n" * 50)
    hyperparameters = {"num_round": "100000000", "objective": "binary:logistic"}
    sagemaker.create_training_job(**training_request("endless", "data", HyperParameters=hyperparameters))
    until(lambda: sagemaker.describe_training_job(TrainingJobName="endless")["SecondaryStatus"] == "Training")

    assert emulator.stop() == 0
    assert "1 training job goes on; the next `sagemaker-emulator up` picks up" in emulator.log()

    emulator.start()
    request = urllib.request.Request(f"{emulator.url}/_emulator/reset", method="POST")  # ends the endless job
    urllib.request.urlopen(request).close()
    assert emulator.stop() == 0
