"""Training on several hosts: real processes on loopback addresses, on real data."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.unit.containers.job_files import (
    JobFiles,
    Table,
    cluster,
    csv,
    libsvm,
    metric_lines,
    table,
    train_all,
    values,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on every loopback address")

LOGISTIC = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "auc,accuracy"}


def booster(path: Path) -> xgboost.Booster:
    return xgboost.Booster(model_file=bytearray(path.read_bytes()))


def share(hosts: list[JobFiles], rows: Table, channel: str = "train") -> None:
    """Deal the rows out to the hosts, as sharding by key does with many objects."""
    for number, host in enumerate(hosts):
        host.add(channel, "part.csv", csv(rows[number :: len(hosts)]))


@pytest.fixture
def pair(tmp_path: Path) -> list[JobFiles]:
    """Two hosts, each with half of the rows to train on and half of those to validate with."""
    hosts = cluster(tmp_path, 2)
    rows = table("cancer")
    share(hosts, rows[:450])
    share(hosts, rows[450:], "validation")
    for host in hosts:
        host.configure(LOGISTIC)
    return hosts


def accuracy(model: Path, rows: Table) -> float:
    predicted = booster(model).predict(xgboost.DMatrix(rows[:, 1:]))
    return float(np.mean((predicted > 0.5) == rows[:, 0]))


def test_two_hosts_train_one_model_as_good_as_that_of_one_host(pair: list[JobFiles], cancer_job: JobFiles) -> None:
    cancer_job.configure(LOGISTIC)
    _, alone = cancer_job.train()
    (first, output), (second, quiet) = train_all(pair)
    assert (first, second) == (0, 0), output + quiet
    held_out = table("cancer")[450:]
    alone_accuracy = accuracy(cancer_job.model / "xgboost-model", held_out)
    assert accuracy(pair[0].model / "xgboost-model", held_out) == pytest.approx(alone_accuracy, abs=0.04)
    assert values(metric_lines(output), "validation-auc")[-1] == pytest.approx(
        values(metric_lines(alone), "validation-auc")[-1], abs=0.03
    )


def test_only_the_first_host_prints_metrics_and_writes_the_model(pair: list[JobFiles]) -> None:
    (_, output), (_, quiet) = train_all(pair)
    assert [line.split("\t")[0] for line in metric_lines(output)] == ["[0]", "[1]", "[2]", "[3]", "[4]"]
    assert metric_lines(quiet) == []
    assert [path.name for path in pair[0].model.iterdir()] == ["xgboost-model"]
    assert not pair[1].model.exists()
    for text in (output, quiet):
        assert f"Distributed node training with 2 hosts: {pair[0].hosts}" in text


def test_hosts_without_data_take_no_part_even_the_first(tmp_path: Path) -> None:
    hosts = cluster(tmp_path, 4)
    share([hosts[1], hosts[3]], table("cancer"))
    for host in (hosts[0], hosts[2]):
        host.add("train", "nothing.csv", "")
    for host in hosts:
        host.configure(LOGISTIC)
    ends = train_all(hosts)
    assert [code for code, _ in ends] == [0, 0, 0, 0], ends
    assert [len(metric_lines(output)) for _, output in ends] == [0, 5, 0, 0]
    assert [host.model.exists() for host in hosts] == [False, True, False, False]
    assert "no data in its train channel" in ends[0][1]


def test_the_only_host_with_data_trains_alone(tmp_path: Path) -> None:
    hosts = cluster(tmp_path, 2)
    hosts[0].add("train", "nothing.csv", "")
    hosts[1].add("train", "part.csv", csv(table("cancer")))
    for host in hosts:
        host.configure(LOGISTIC)
    ends = train_all(hosts)
    assert [code for code, _ in ends] == [0, 0], ends
    assert booster(hosts[1].model / "xgboost-model").num_boosted_rounds() == 5


def test_no_data_anywhere_fails_the_job(tmp_path: Path) -> None:
    hosts = cluster(tmp_path, 2)
    for host in hosts:
        host.add("train", "nothing.csv", "")
        host.configure(LOGISTIC)
    assert [code for code, _ in train_all(hosts)] == [1, 1]
    assert hosts[0].failure == "No hosts received training data."


@pytest.mark.parametrize("broken", [0, 1])
def test_a_host_that_cannot_read_its_data_ends_the_others_with_its_reason(pair: list[JobFiles], broken: int) -> None:
    pair[broken].add("train", "part.csv", "label,age\n")
    assert [code for code, _ in train_all(pair)] == [1, 1]
    assert pair[broken].failure.startswith("Failed to load csv data with exception:")
    assert pair[1 - broken].failure.startswith(f"Host {pair[broken].current_host} failed: Failed to load csv data")


@pytest.mark.parametrize("broken", [0, 2])
def test_a_host_that_fails_once_training_began_ends_the_others_with_its_reason(tmp_path: Path, broken: int) -> None:
    hosts = cluster(tmp_path, 3)
    share(hosts, table("cancer"))
    hosts[broken].add("train", "part.csv", csv(table("cancer") + 5))
    for host in hosts:
        host.configure(LOGISTIC)
    assert [code for code, _ in train_all(hosts)] == [1, 1, 1]
    reason = "label must be in [0,1] for logistic regression"
    expected = [f"Host {hosts[broken].current_host} failed: {reason}"] * 3
    expected[broken] = reason
    assert [host.failure for host in hosts] == expected


@pytest.mark.parametrize("lost", [0, 1])
def test_a_host_that_is_killed_ends_the_others(pair: list[JobFiles], lost: int) -> None:
    for host in pair:
        host.configure({**LOGISTIC, "num_round": "1000000"})
    second = pair[1].start("train")
    with pair[0].start("train") as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("[0]\t"):
                (first, second)[lost].send_signal(signal.SIGKILL)
        second.communicate(timeout=60)
        codes = [first.wait(timeout=60), second.wait(timeout=60)]
    assert codes[1 - lost] == 1
    assert pair[1 - lost].failure == f"Host {pair[lost].current_host} left the cluster before the job was done."


def test_a_stop_ends_every_host_and_keeps_the_model_of_the_first(pair: list[JobFiles]) -> None:
    for host in pair:
        host.configure({**LOGISTIC, "num_round": "1000000", "save_model_on_termination": "true"})
    second = pair[1].start("train")
    with pair[0].start("train") as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("[0]\t"):
                first.send_signal(signal.SIGTERM)
                second.send_signal(signal.SIGTERM)
        second.communicate(timeout=60)
        assert (first.wait(timeout=60), second.returncode) == (0, 0)
    assert booster(pair[0].model / "xgboost-model").num_boosted_rounds() >= 1


@pytest.mark.parametrize("waiting", [0, 1])
def test_a_stop_ends_a_host_that_waits_for_the_others(pair: list[JobFiles], waiting: int) -> None:
    with pair[waiting].start("train") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Distributed node training" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM


def test_a_stop_ends_a_host_while_another_one_hangs_in_training(pair: list[JobFiles]) -> None:
    for host in pair:
        host.configure({**LOGISTIC, "num_round": "1000000"})
    second = pair[1].start("train")
    with pair[0].start("train") as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("[0]\t"):
                second.send_signal(signal.SIGSTOP)
                first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=60) == 128 + signal.SIGTERM
    os.kill(second.pid, signal.SIGKILL)
    second.communicate(timeout=60)


def test_a_host_that_slept_while_another_one_died_ends_too(pair: list[JobFiles]) -> None:
    for host in pair:
        host.configure({**LOGISTIC, "num_round": "1000000"})
    second = pair[1].start("train")
    with pair[0].start("train") as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("[0]\t"):
                second.send_signal(signal.SIGSTOP)
                first.send_signal(signal.SIGKILL)
        first.wait(timeout=60)
    second.send_signal(signal.SIGCONT)
    second.communicate(timeout=60)
    assert second.returncode == 1
    assert pair[1].failure == f"Host {pair[0].current_host} left the cluster before the job was done."


def test_the_checkpoint_of_the_first_host_counts_for_all(pair: list[JobFiles]) -> None:
    for host in pair:
        host.write("checkpointconfig.json", {"LocalPath": "/opt/ml/checkpoints"})
    train_all(pair)
    assert len(list((pair[0].base / "checkpoints").iterdir())) == 5
    assert not (pair[1].base / "checkpoints").exists()
    for host in pair:
        host.configure({**LOGISTIC, "num_round": "7"})
    (code, output), (second, quiet) = train_all(pair)
    assert (code, second) == (0, 0), output + quiet
    assert [line.split("\t")[0] for line in metric_lines(output)] == ["[5]", "[6]"]
    assert booster(pair[0].model / "xgboost-model").num_boosted_rounds() == 7


def test_hosts_agree_on_the_number_of_the_first_libsvm_feature(tmp_path: Path) -> None:
    rows = table("cancer")
    without_first = rows[1::2].copy()
    without_first[:, 1] = 0
    hosts = cluster(tmp_path, 2)
    hosts[0].add("train", "part", libsvm(rows[::2], first_index=0))
    hosts[1].add("train", "part", libsvm(without_first, first_index=0))
    for host in hosts:
        host.configure(LOGISTIC, content_type=None)
    ends = train_all(hosts)
    assert [code for code, _ in ends] == [0, 0], ends
    assert all("and 30 columns" in output for _, output in ends)


def test_cross_validation_runs_on_several_hosts(pair: list[JobFiles]) -> None:
    for host in pair:
        host.configure({**LOGISTIC, "num_round": "2", "_kfold": "2"})
    (code, output), (second, quiet) = train_all(pair)
    assert (code, second) == (0, 0), output + quiet
    assert sorted(path.name for path in pair[0].model.iterdir()) == ["xgboost-model-0", "xgboost-model-1"]
    assert not pair[1].model.exists()
