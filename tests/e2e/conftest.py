"""One emulator for each engine, shared by the tests of a session; each test uses names of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tests.running import RunningEmulator

ENGINES = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture(scope="session", params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path_factory.mktemp("data")).start()
    yield running
    assert running.stop() == 0, running.log()


Starter = Callable[..., RunningEmulator]


@pytest.fixture
def start() -> Iterator[Starter]:
    """Starts an emulator on a data directory, with more options if need be; what still runs at the end is killed."""
    made: list[RunningEmulator] = []

    def started(data_dir: Path, *options: str) -> RunningEmulator:
        made.append(RunningEmulator("process", data_dir, *options))
        return made[-1].start()

    yield started
    for emulator in made:
        emulator.kill()


@pytest.fixture
def sagemaker(emulator: RunningEmulator) -> Any:
    return emulator.client("sagemaker")


@pytest.fixture
def s3(emulator: RunningEmulator) -> Any:
    return emulator.client("s3")


@pytest.fixture
def name() -> str:
    """A name nobody else uses."""
    return f"t-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def cancer() -> tuple[Any, Any]:
    """The breast cancer data set: 569 rows of 30 features, and their labels."""
    rows, labels = load_breast_cancer(return_X_y=True)
    return rows, labels


def csv(rows: Any) -> bytes:
    return "\n".join(",".join(str(value) for value in row) for row in rows).encode()


def put_cancer(s3: Any, bucket: str, cancer: tuple[Any, Any]) -> None:
    """A bucket with the data set as one object below ``train`` and one below ``validation``."""
    s3.create_bucket(Bucket=bucket)
    table = np.column_stack([cancer[1], cancer[0]])
    s3.put_object(Bucket=bucket, Key="train/all.csv", Body=csv(table[:450]))
    s3.put_object(Bucket=bucket, Key="validation/all.csv", Body=csv(table[450:]))


@pytest.fixture(scope="session")
def bucket(emulator: RunningEmulator, cancer: tuple[Any, Any]) -> str:
    """A bucket with the data set below ``train`` and ``validation``."""
    name = f"data-{uuid.uuid4().hex[:8]}"
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=name)
    table = np.column_stack([cancer[1], cancer[0]])
    s3.put_object(Bucket=name, Key="train/part-1.csv", Body=csv(table[:250]))
    s3.put_object(Bucket=name, Key="train/part-2.csv", Body=csv(table[250:450]))
    s3.put_object(Bucket=name, Key="validation/all.csv", Body=csv(table[450:]))
    return name
