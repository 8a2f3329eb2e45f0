"""Training as a real process on the host, on real data."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.unit.containers.job_files import JobFiles, csv, libsvm, metric_lines, table, values


def booster(path: Path) -> xgboost.Booster:
    return xgboost.Booster(model_file=bytearray(path.read_bytes()))


def test_a_job_prints_metrics_and_writes_a_model_that_predicts(cancer_job: JobFiles) -> None:
    code, output = cancer_job.train()
    assert code == 0, output
    lines = metric_lines(output)
    assert [line.split("\t")[0] for line in lines] == ["[0]", "[1]", "[2]", "[3]", "[4]"]
    assert [field.split(":")[0] for field in lines[0].split("\t")[1:]] == ["train-logloss", "validation-logloss"]
    assert all(len(field.rpartition(".")[2]) == 5 for field in lines[0].split("\t")[1:])
    held_out = table("cancer")[450:]
    predicted = booster(cancer_job.model / "xgboost-model").predict(xgboost.DMatrix(held_out[:, 1:]))
    assert np.mean((predicted > 0.5) == held_out[:, 0]) > 0.9
    assert [path.name for path in cancer_job.model.iterdir()] == ["xgboost-model"]


def test_a_job_tells_what_it_read(cancer_job: JobFiles) -> None:
    _, output = cancer_job.train()
    for line in (
        "Running XGBoost Sagemaker in algorithm mode",
        "Determined 0 GPU(s) available on the instance.",
        "Determined delimiter of CSV input is ','",
        "Train matrix has 450 rows and 30 columns",
        "Validation matrix has 119 rows",
        "Single node training.",
    ):
        assert f"INFO] {line}\n" in output


def test_libsvm_is_the_default_and_trains_the_same_model_as_csv(job: JobFiles, tmp_path: Path) -> None:
    rows = table("diabetes")
    job.add("train", "a", libsvm(rows, first_index=1))
    job.configure({"num_round": "3"}, content_type=None)
    other = JobFiles(tmp_path / "csv")
    other.add("train", "a", csv(rows))
    other.configure({"num_round": "3"})
    _, from_libsvm = job.train()
    _, from_csv = other.train()
    assert metric_lines(from_libsvm) == metric_lines(from_csv) != []


def test_own_and_builtin_metrics_stand_in_one_line(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "2", "objective": "binary:logistic", "eval_metric": "accuracy,error,f1"})
    _, output = cancer_job.train()
    lines = metric_lines(output)
    assert values(lines, "validation-accuracy") == pytest.approx(
        [1 - error for error in values(lines, "validation-error")], abs=1e-5
    )
    assert len(values(lines, "train-f1")) == 2


def test_the_metric_a_tuning_job_wants_is_evaluated_too(cancer_job: JobFiles) -> None:
    hyperparameters = {"num_round": "2", "objective": "binary:logistic", "_tuning_objective_metric": "validation:auc"}
    cancer_job.configure(hyperparameters)
    _, output = cancer_job.train()
    assert len(values(metric_lines(output), "validation-auc")) == 2


def test_early_stopping_ends_before_the_last_round_and_keeps_the_best_model(cancer_job: JobFiles) -> None:
    hyperparameters = {"num_round": "300", "early_stopping_rounds": "3", "objective": "binary:logistic"}
    cancer_job.configure({**hyperparameters, "eval_metric": "auc,accuracy"})
    code, output = cancer_job.train()
    assert code == 0, output
    history = values(metric_lines(output), "validation-accuracy")
    assert len(history) < 300
    assert booster(cancer_job.model / "xgboost-model").num_boosted_rounds() == int(np.argmax(history)) + 1


def test_checkpoints_of_the_last_rounds_stay_and_a_later_job_resumes(cancer_job: JobFiles) -> None:
    cancer_job.write("checkpointconfig.json", {"LocalPath": "/opt/ml/checkpoints"})
    cancer_job.configure({"num_round": "7", "objective": "binary:logistic"})
    _, first = cancer_job.train()
    kept = sorted(path.name for path in (cancer_job.base / "checkpoints").iterdir())
    assert kept == [f"xgboost-checkpoint.{number}" for number in (2, 3, 4, 5, 6)]
    cancer_job.configure({"num_round": "9", "objective": "binary:logistic"})
    _, second = cancer_job.train()
    assert "Resuming from iteration 7" in second
    assert [line.split("\t")[0] for line in metric_lines(second)] == ["[7]", "[8]"]
    assert values(metric_lines(second), "train-logloss")[0] < values(metric_lines(first), "train-logloss")[-1]
    assert booster(cancer_job.model / "xgboost-model").num_boosted_rounds() == 9


def test_a_broken_checkpoint_is_passed_over(cancer_job: JobFiles) -> None:
    cancer_job.write("checkpointconfig.json", {"LocalPath": "/opt/ml/checkpoints"})
    cancer_job.train()
    (cancer_job.base / "checkpoints" / "xgboost-checkpoint.4").write_bytes(b"cut off")
    _, output = cancer_job.train()
    assert "Resuming from iteration 4" in output


def stop_after_first_round(job: JobFiles) -> int:
    with job.start("train") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("[0]\t"):
                process.send_signal(signal.SIGTERM)
        return process.wait(timeout=60)


def test_a_stopped_job_leaves_its_model_when_asked_to(cancer_job: JobFiles) -> None:
    hyperparameters = {"num_round": "1000000", "objective": "binary:logistic", "save_model_on_termination": "true"}
    cancer_job.configure(hyperparameters)
    assert stop_after_first_round(cancer_job) == 0
    assert [path.name for path in cancer_job.model.iterdir()] == ["xgboost-model"]
    assert booster(cancer_job.model / "xgboost-model").num_boosted_rounds() >= 1


def test_a_stopped_job_leaves_nothing_by_default(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1000000", "objective": "binary:logistic"})
    assert stop_after_first_round(cancer_job) == 128 + signal.SIGTERM
    assert not cancer_job.model.exists()


def test_cross_validation_writes_a_model_for_each_fold_and_all_predictions(job: JobFiles) -> None:
    rows = table("iris")
    job.add("train", "a.csv", csv(rows[:100]))
    job.add("validation", "b.csv", csv(rows[100:]))
    hyperparameters = {"num_round": "3", "objective": "multi:softprob", "num_class": "3", "eval_metric": "merror"}
    job.configure({**hyperparameters, "_kfold": "3", "_num_cv_round": "2"})
    code, output = job.train()
    assert code == 0, output
    assert sorted(path.name for path in job.model.iterdir()) == [f"xgboost-model-{n}" for n in range(6)]
    predictions = np.loadtxt(job.base / "output" / "data" / "predictions.csv", delimiter=",")
    assert predictions.shape == (150, 3)
    np.testing.assert_array_equal(predictions[:, 0], rows[:, 0])
    assert np.mean(predictions[:, 0] == predictions[:, 2]) > 0.85
    means = [line for line in metric_lines(output) if line.startswith("[3]\t")]
    assert len(means) == 3
    assert values(means, "validation-merror")[2] == pytest.approx(
        np.mean(values(means, "validation-merror")[:2]), abs=2e-5
    )


def test_cross_validation_of_a_regression_averages_the_predictions(job: JobFiles) -> None:
    job.add("train", "a.csv", csv(table("diabetes")))
    job.configure({"num_round": "2", "_kfold": "2"})
    code, output = job.train()
    assert code == 0, output
    assert np.loadtxt(job.base / "output" / "data" / "predictions.csv", delimiter=",").shape == (442, 2)


@pytest.mark.parametrize("booster_name", ["gblinear", "dart"])
def test_other_boosters_train_and_stop_early(cancer_job: JobFiles, booster_name: str) -> None:
    hyperparameters = {"num_round": "20", "objective": "binary:logistic", "booster": booster_name}
    cancer_job.configure({**hyperparameters, "early_stopping_rounds": "2"})
    code, output = cancer_job.train()
    assert code == 0, output
