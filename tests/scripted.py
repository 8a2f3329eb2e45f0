"""Training jobs whose program is a Python script of the test, in a plain Python image; and what they leave in S3."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from typing import Any

from tests.running import RunningEmulator, log_lines, training_request

PYTHON = "python:3.11-slim-bookworm"
GROUP = "/aws/sagemaker/TrainingJobs"
BUCKET = "bucket"

# An argument has at most 256 characters and a hyperparameter no line breaks: the script travels as JSON in one.
_READ = "import json; exec(json.loads(json.load(open('/opt/ml/input/config/hyperparameters.json'))['script']))"


def scripted(name: str, script: str, image: str = PYTHON, **members: Any) -> dict[str, Any]:
    """A CreateTrainingJob request that runs ``script`` on the objects of BUCKET; ``members`` replace its own."""
    parameters = {"script": json.dumps(textwrap.dedent(script))}
    request = training_request(name, BUCKET, image, HyperParameters=parameters)
    request["AlgorithmSpecification"] |= {"ContainerEntrypoint": ["python3", "-u"], "ContainerArguments": ["-c", _READ]}
    return request | members


def instances(count: int, kind: str = "ml.m5.large", **members: Any) -> dict[str, Any]:
    """A ResourceConfig."""
    return {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 1, **members}


def keys(emulator: RunningEmulator, prefix: str) -> list[str]:
    """The keys below ``prefix`` in BUCKET, less the prefix."""
    found = emulator.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [one["Key"][len(prefix) :] for one in found]


def stored(emulator: RunningEmulator, key: str) -> bytes:
    """An object of BUCKET."""
    body: bytes = emulator.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def files(emulator: RunningEmulator, name: str, archive: str = "model.tar.gz") -> dict[str, bytes]:
    """The files in an archive that a job left."""
    body = stored(emulator, f"out/{name}/output/{archive}")
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as packed:
        found = {member.name: packed.extractfile(member) for member in packed if member.isfile()}
        return {path: file.read() for path, file in found.items() if file is not None}


def printed(emulator: RunningEmulator, name: str, line: str) -> bool:
    """Whether a job has printed a line."""
    logs = emulator.client("logs")
    try:
        return line in log_lines(logs, GROUP, f"{name}/")
    except logs.exceptions.ResourceNotFoundException:
        return False


def statuses(job: dict[str, Any]) -> list[str]:
    """The secondary statuses that a described job went through."""
    return [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
