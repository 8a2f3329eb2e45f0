"""Training from named pipes, as the platform makes them: one for each epoch, the next after the last is read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pytest
import xgboost
from sagemaker_container.channel import Channel
from sagemaker_container.errors import UserError
from sagemaker_container.pipe import Pipe
from sagemaker_xgboost import csv_data
from sagemaker_xgboost.matrix import Reader

from tests.unit.containers.job_files import JobFiles, csv, metric_lines, table

LOGISTIC = {"num_round": "3", "objective": "binary:logistic"}


def feed(job: JobFiles, channel: str, epochs: list[str]) -> None:
    """Make and fill the pipes of a channel one after another, as the platform does."""
    for epoch, text in enumerate(epochs):
        path = job.base / "input" / "data" / f"{channel}_{epoch}"
        os.mkfifo(path)
        path.write_text(text)


@contextmanager
def fed(job: JobFiles, channels: Mapping[str, list[str]]) -> Iterator[None]:
    (job.base / "input" / "data").mkdir(parents=True)
    feeders = [threading.Thread(target=feed, args=(job, *item), daemon=True) for item in channels.items()]
    for feeder in feeders:
        feeder.start()
    yield
    for feeder in feeders:
        feeder.join(timeout=10)
        assert not feeder.is_alive()


def piped(job: JobFiles, hyperparameters: Mapping[str, str], *channels: str) -> None:
    job.configure(hyperparameters, channels=channels, TrainingInputMode="Pipe")


def test_csv_from_pipes_trains_the_same_model_as_from_files(job: JobFiles, cancer_job: JobFiles) -> None:
    pipes = JobFiles(job.base.parent / "pipes")
    cancer_job.configure(LOGISTIC)
    _, expected = cancer_job.train()
    rows = table("cancer")
    with fed(pipes, {"train": [csv(rows[:450])], "validation": [csv(rows[450:])]}):
        piped(pipes, LOGISTIC, "train", "validation")
        code, output = pipes.train()
    assert code == 0, output
    assert metric_lines(output) == metric_lines(expected) != []


def test_cross_validation_reads_the_data_together_in_a_second_epoch(job: JobFiles) -> None:
    rows = table("cancer")
    with fed(job, {"train": [csv(rows[:450])] * 2, "validation": [csv(rows[450:])] * 2}):
        piped(job, {**LOGISTIC, "_kfold": "2"}, "train", "validation")
        code, output = job.train()
    assert code == 0, output
    assert len((job.base / "output" / "data" / "predictions.csv").read_text().splitlines()) == 569


def test_a_pipe_without_data_is_an_empty_channel(job: JobFiles) -> None:
    with fed(job, {"train": [""]}):
        piped(job, LOGISTIC, "train")
        code, _ = job.train()
    assert code == 1
    assert job.failure == f"No data in training channel path {job.base / 'input' / 'data' / 'train'}"


def read(job: JobFiles, text: str) -> xgboost.DMatrix:
    path = job.base / "input" / "data" / "train"
    with fed(job, {"train": [text]}):
        matrix = Reader("text/csv", weighted_csv=False).read([Channel("train", path, "text/csv", Pipe(path))])
    assert matrix is not None
    return matrix


def test_a_single_row_comes_through_a_pipe(job: JobFiles) -> None:
    matrix = read(job, "1,2,3\n")
    assert (matrix.num_row(), matrix.num_col()) == (1, 2)


def test_rows_that_come_in_blocks_keep_their_order(job: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_data, "ROWS_AT_A_TIME", 7)
    matrix = read(job, "".join(f"{number},{number + 1},\n" for number in range(100)))
    np.testing.assert_array_equal(matrix.get_label(), np.arange(100))


def test_what_is_no_csv_is_refused_from_a_pipe_too(job: JobFiles) -> None:
    with pytest.raises(UserError, match=r"^Failed to load csv data with exception:\n.*age"):
        read(job, "1,2\n3,age\n")
