"""Fixtures for the algorithm containers, run on the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.containers.job_files import JobFiles, csv, table


@pytest.fixture
def job(tmp_path: Path) -> JobFiles:
    """An empty job."""
    return JobFiles(tmp_path / "ml")


@pytest.fixture
def cancer_job(job: JobFiles) -> JobFiles:
    """A binary classification with 450 rows to train on and 119 to validate with."""
    rows = table("cancer")
    job.add("train", "part-0.csv", csv(rows[:450]))
    job.add("validation", "part-0.csv", csv(rows[450:]))
    job.configure({"num_round": "5", "objective": "binary:logistic"})
    return job
