"""The control API and real containers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.testing import Control
from tests.e2e.conftest import ENGINES, csv
from tests.running import RunningEmulator, ended, training_request, until


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator(request.param, tmp_path, "--control").start()
    yield running
    assert running.stop() == 0, running.log()


def test_a_shift_of_the_clock_ends_a_job_that_would_run_for_an_hour(
    emulator: RunningEmulator, cancer: tuple[Any, Any]
) -> None:
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    s3.create_bucket(Bucket="bucket")
    rows = csv([[label, *row] for row, label in zip(*cancer, strict=True)])
    for prefix in ("train", "validation"):
        s3.put_object(Bucket="bucket", Key=f"{prefix}/a.csv", Body=rows)
    endless = {"num_round": "1000000", "objective": "binary:logistic"}
    limit = {"MaxRuntimeInSeconds": 3600}
    sagemaker.create_training_job(**training_request("job", "bucket", HyperParameters=endless, StoppingCondition=limit))

    def is_training() -> bool:
        return bool(sagemaker.describe_training_job(TrainingJobName="job")["SecondaryStatus"] == "Training")

    until(is_training, what="training began")
    with Control(emulator.url) as control:
        control.shift_clock(3600)
    job = ended(sagemaker, "job")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["TrainingTimeInSeconds"] >= 3600
