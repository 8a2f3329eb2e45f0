"""An emulator as a user runs it: a process of its own, reached over the wire."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
REGION = "us-east-1"

_READY_SECONDS = 60.0


class RunningEmulator:
    """`sagemaker-emulator up` in a process; `kill` ends it as a crash would."""

    def __init__(self, engine: str, data_dir: Path, *options: str, **environment: str) -> None:
        self.engine = engine
        self.data_dir = data_dir
        self._options = options
        self._environment = environment
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process writes to it
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> RunningEmulator:
        """Start and wait for the ready line."""
        command = [sys.executable, "-m", "emulator", "up", "--port", "0", "--engine", self.engine]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir), *self._options],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**environment, **self._environment},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+?:\d+", line)
        assert found is not None, f"no ready line but {line!r}; log:\n{self.log()}"
        self.url = found[0]
        return self

    def log(self) -> str:
        """Everything written to stderr so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def memory(self) -> int:
        """Bytes that the process holds (Linux)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def containers(self) -> list[str]:
        """The names of this emulator's containers, or of its processes, that have not been removed."""
        marks = self.data_dir / "emulator-id"
        if self.engine == "process":
            return sorted(path.name for path in (self.data_dir / "processes").iterdir())
        listed = subprocess.run(
            ["docker", "ps", "--all", "--format", "{{.Names}}", "--filter", f"name={marks.read_text().strip()}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(listed.stdout.split())

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        return self._end(signal.SIGTERM)

    def client(self, service: str, region: str = REGION, **options: Any) -> Any:
        """A boto3 client that gives up on nothing silently: no retries."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=options.pop("access_key", "test"),
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **options),
        )

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(timeout=_READY_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


def refusal(data_dir: Path, *options: str) -> str:
    """The one line with which an emulator that cannot start says why; fails when it starts."""
    command = [sys.executable, "-m", "emulator", "up", "--port", "0", "--engine", "process"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    with subprocess.Popen(
        [*command, "--data-dir", str(data_dir), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as up:
        assert up.stdout is not None
        ready = up.stdout.readline()
        if ready:
            up.kill()
        _, errors = up.communicate()
    assert ready == "", "it started"
    assert up.returncode == 1, errors
    assert len(errors.splitlines()) == 1, errors
    assert errors.startswith("Error: ")
    return errors


def until(condition: Any, seconds: float = 120.0, what: str = "") -> Any:
    """What ``condition()`` answers once it is truthy; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.02)
    return answer


def channel(name: str, uri: str, **members: Any) -> dict[str, Any]:
    """An InputDataConfig entry of CSV files below an S3 prefix."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": source, **members}


def training_request(name: str, bucket: str, image: str = XGBOOST, **members: Any) -> dict[str, Any]:
    """A CreateTrainingJob request for the data set that the ``bucket`` fixture holds; ``members`` replace its own."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [
            channel("train", f"s3://{bucket}/train"),
            channel("validation", f"s3://{bucket}/validation"),
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": {"num_round": "20", "objective": "binary:logistic"},
        **members,
    }


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    """The description of a training job once it has ended."""

    def description() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    answer: dict[str, Any] = until(description, what=f"training job {name} ended")
    return answer


def serving(sagemaker: Any, name: str) -> dict[str, Any]:
    """The description of an endpoint once it is neither being made nor changed."""

    def description() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] not in ("Creating", "Updating") else None

    answer: dict[str, Any] = until(description, what=f"endpoint {name} settled")
    return answer


def log_lines(logs: Any, group: str, prefix: str) -> list[str]:
    """Every message of the streams of a group that begin with ``prefix``."""
    lines: list[str] = []
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]:
        token: dict[str, str] = {}
        while True:
            page = logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, **token
            )
            if not page["events"]:
                break
            lines += [event["message"] for event in page["events"]]
            token = {"nextToken": page["nextForwardToken"]}
    return lines


def archive(files: dict[str, bytes]) -> bytes:
    """A tar.gz of ``files``, path to content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
