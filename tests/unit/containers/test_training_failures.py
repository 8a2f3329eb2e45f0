"""Jobs that cannot succeed say why in the failure file and in the log, and end with exit code 1."""

from __future__ import annotations

import pytest

from tests.unit.containers.job_files import JobFiles, csv, table


def failure(job: JobFiles, **environment: str) -> str:
    code, output = job.train(environment)
    assert code == 1
    assert job.failure in output
    assert not job.model.exists()
    return job.failure


def test_a_wrong_hyperparameter(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "many"})
    assert failure(cancer_job) == "Hyperparameter num_round: could not parse value (caused by ValueError)"


def test_labels_that_do_not_fit_the_objective(job: JobFiles) -> None:
    job.add("train", "a.csv", csv(table("diabetes")))
    job.configure({"num_round": "1", "objective": "binary:logistic"})
    assert failure(job) == "label must be in [0,1] for logistic regression"


def test_more_classes_than_num_class(job: JobFiles) -> None:
    job.add("train", "a.csv", csv(table("iris")))
    job.configure({"num_round": "1", "objective": "multi:softmax", "num_class": "2"})
    assert "[0, num_class)" in failure(job)
    assert "Stack trace" not in job.failure


def test_what_xgboost_itself_refuses(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1", "objective": "survival:aft"})
    assert failure(cancer_job).startswith("XGB train call failed with exception:\n ")


def test_an_empty_training_channel(job: JobFiles) -> None:
    job.add("train", "nothing.csv", "")
    job.configure({"num_round": "1"})
    assert failure(job) == f"No data in training channel path {job.base / 'input' / 'data' / 'train'}"


def test_an_empty_validation_channel(cancer_job: JobFiles) -> None:
    (cancer_job.base / "input" / "data" / "validation" / "part-0.csv").unlink()
    expected = f"No data in validation channel path {cancer_job.base / 'input' / 'data' / 'validation'}"
    assert failure(cancer_job) == expected


def test_no_training_channel(job: JobFiles) -> None:
    job.add("validation", "a.csv", "1,2\n")
    job.configure({"num_round": "1"})
    assert failure(job) == "Missing required channel: train"


def test_an_unknown_channel(cancer_job: JobFiles) -> None:
    cancer_job.add("test", "a.csv", "1,2\n")
    cancer_job.configure({"num_round": "1"})
    assert failure(cancer_job) == "Extraneous channel found: test"


def test_a_hidden_file(cancer_job: JobFiles) -> None:
    cancer_job.add("train", ".ipynb_checkpoints", "x")
    assert failure(cancer_job) == "Hidden file found in the data path! Remove that before training."


def test_csv_where_the_channel_says_libsvm(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1"}, content_type=None)
    assert "of file 'part-0.csv' is not 'LIBSVM' format." in failure(cancer_job)


def test_script_mode_is_not_built(cancer_job: JobFiles) -> None:
    cancer_job.configure({"sagemaker_program": '"train.py"'})
    assert failure(cancer_job).startswith("sagemaker_program asks for framework (script) mode")


def test_script_mode_asked_for_by_environment_is_not_built(cancer_job: JobFiles) -> None:
    assert "framework (script) mode" in failure(cancer_job, SAGEMAKER_PROGRAM="train.py")


@pytest.mark.parametrize("content_type", ["application/x-parquet", "application/x-recordio-protobuf"])
def test_content_types_that_are_not_built(cancer_job: JobFiles, content_type: str) -> None:
    cancer_job.configure({"num_round": "1"}, content_type=content_type)
    assert "does not read it yet" in failure(cancer_job)


def test_pipe_mode_never_reads_libsvm(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1"}, content_type="text/libsvm", TrainingInputMode="Pipe")
    assert failure(cancer_job) == "Pipe mode not supported for LibSVM."


def test_csv_in_recordio_is_refused(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1"}, TrainingInputMode="Pipe", RecordWrapperType="RecordIO")
    assert "wraps csv in RecordIO" in failure(cancer_job)


def test_fast_file_mode_reads_as_file_mode_does(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1"}, TrainingInputMode="FastFile")
    code, output = cancer_job.train()
    assert code == 0, output


def test_gpu_training_is_not_built(cancer_job: JobFiles) -> None:
    cancer_job.configure({"num_round": "1", "use_dask_gpu_training": "true"})
    assert "no GPU support" in failure(cancer_job)


def test_a_defect_leaves_its_traceback(cancer_job: JobFiles) -> None:
    (cancer_job.base / "input" / "config" / "hyperparameters.json").write_text("{")
    assert failure(cancer_job).startswith("framework error: \nTraceback")


def test_anything_but_train_and_serve_is_bad_usage(cancer_job: JobFiles) -> None:
    process = cancer_job.start("dance")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == "usage: train|serve (got: dance)\n"
