"""Readers of training files and request bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sagemaker_container.channel import Channel, data_files
from sagemaker_container.errors import UserError
from sagemaker_xgboost import csv_data, libsvm_data
from sagemaker_xgboost.content_type import data_format, request_format
from sagemaker_xgboost.matrix import Reader

from tests.unit.containers.job_files import csv, libsvm, table


def file(folder: Path, text: str, name: str = "data") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_training_csv_is_found(tmp_path: Path, delimiter: str) -> None:
    path = file(tmp_path, csv(table("iris")).replace(",", delimiter))
    assert csv_data.read_files([path]).shape == (150, 5)


def test_rows_of_all_csv_files_are_joined_and_missing_values_are_nan(tmp_path: Path) -> None:
    paths = [file(tmp_path, "1,2,3\n", "a"), file(tmp_path, "4,,6\n7,8,\n", "b")]
    np.testing.assert_array_equal(csv_data.read_files(paths), [[1, 2, 3], [4, np.nan, 6], [7, 8, np.nan]])


def test_numpy_and_pandas_read_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, csv(table("diabetes")))
    by_numpy = csv_data.read_files([path])
    monkeypatch.setattr(csv_data, "PANDAS_PAYS_FROM", 0)
    np.testing.assert_array_equal(csv_data.read_files([path]), by_numpy)


def test_a_csv_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Failed to load csv data with exception:\n.*label"):
        csv_data.read_files([file(tmp_path, "label,age\n1,2\n")])


def test_csv_files_of_different_widths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Failed to load csv data with exception:"):
        csv_data.read_files([file(tmp_path, "1,2,3\n", "a"), file(tmp_path, "1,2\n", "b")])


def test_a_first_line_without_delimiter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Could not determine delimiter on line"):
        csv_data.read_files([file(tmp_path, "\n1,2\n")])


def test_csv_weights_are_the_second_column(tmp_path: Path) -> None:
    file(tmp_path, "1,0.5,7,8\n0,2,9,10\n")
    matrix = Reader("text/csv", weighted_csv=True).read([Channel("train", tmp_path, "text/csv")])
    assert matrix is not None
    assert matrix.get_weight().tolist() == [0.5, 2]
    assert (matrix.get_label().tolist(), matrix.num_col()) == ([1, 0], 2)


@pytest.mark.parametrize("first_index", [0, 1])
def test_libsvm_counts_features_from_the_smallest_index(tmp_path: Path, first_index: int) -> None:
    rows = table("diabetes")
    parsed = libsvm_data.read_files([file(tmp_path, libsvm(rows, first_index))])
    np.testing.assert_allclose(parsed.features.toarray(), rows[:, 1:], rtol=1e-5)
    np.testing.assert_allclose(parsed.labels, rows[:, 0])
    assert parsed.first_index == first_index


def test_libsvm_labels_carry_weights_and_groups(tmp_path: Path) -> None:
    parsed = libsvm_data.read_files([file(tmp_path, "1:0.5 qid:3 0:7 2:8\n0\tqid:4\t1:9 # a comment\n\n")])
    assert parsed.weights is not None
    assert parsed.groups is not None
    assert (parsed.weights.tolist(), parsed.groups.tolist()) == ([0.5, 1], [3, 4])
    assert parsed.features.toarray().tolist() == [[7, 0, 8], [0, 9, 0]]


def test_validation_libsvm_is_numbered_like_the_training_file(tmp_path: Path) -> None:
    train, validation = (Channel(name, tmp_path / name, "libsvm") for name in ("train", "validation"))
    file(train.path, "1 0:1 1:2 2:3\n")
    file(validation.path, "1 2:3\n")
    reader = Reader("libsvm", weighted_csv=False)
    reader.read([train])
    matrix = reader.read([validation])
    assert matrix is not None
    assert matrix.num_col() == 3


@pytest.mark.parametrize("line", ["1,2,3", "abc 1:2", "1 2", "1 1:2:3", "1 a:2"])
def test_a_line_that_is_not_libsvm_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(UserError, match=r"LIBSVM|libsvm"):
        libsvm_data.read_files([file(tmp_path, line + "\n")])


def test_a_csv_request_may_miss_values_and_use_any_delimiter() -> None:
    np.testing.assert_array_equal(csv_data.parse_rows("1,,3\r\n4,5,6"), [[1, np.nan, 3], [4, 5, 6]])
    np.testing.assert_array_equal(csv_data.parse_rows("1;2\n3;4"), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(csv_data.parse_rows("0.75\n-5.5"), [[0.75], [-5.5]])


def test_a_libsvm_request_may_leave_out_labels() -> None:
    assert libsvm_data.parse_rows("0:1 2:3\n1 1:5").toarray().tolist() == [[1, 0, 3], [0, 5, 0]]


def test_data_files_go_three_folders_deep(tmp_path: Path) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", "x/y/z/d.csv", "_SUCCESS", "x/empty.csv"):
        file(tmp_path, "" if "empty" in name else "1,2\n", name)
    assert [path.name for path in data_files(tmp_path)] == ["a.csv", "b.csv", "c.csv"]


def test_a_hidden_file_anywhere_is_refused(tmp_path: Path) -> None:
    file(tmp_path, "", "x/.DS_Store")
    with pytest.raises(UserError, match=r"^Hidden file found in the data path! Remove that before training\.$"):
        data_files(tmp_path)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, "libsvm"),
        ("text/x-libsvm", "libsvm"),
        ("text/libsvm; charset=utf8", "libsvm"),
        ("csv", "csv"),
        ("text/csv;label_size=1", "csv"),
        ("TEXT/CSV", "csv"),
    ],
)
def test_content_types_stand_for_formats(content_type: str | None, expected: str) -> None:
    assert data_format(content_type) == request_format(content_type) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("application/json", "json"), ("Application/JSON; charset=utf-8", "json"), ("application/jsonlines", "jsonlines")],
)
def test_json_is_for_requests_and_not_for_channels(content_type: str, expected: str) -> None:
    assert request_format(content_type) == expected
    with pytest.raises(UserError, match="is not an accepted ContentType"):
        data_format(content_type)


def test_an_unknown_content_type_lists_the_accepted_ones() -> None:
    listed = r"^text/plain is not an accepted ContentType: csv, libsvm, parquet, .*application/x-recordio-protobuf"
    with pytest.raises(UserError, match=listed + r"\.$"):
        data_format("text/plain")
    with pytest.raises(UserError, match=listed + r", application/json, application/jsonlines\.$"):
        request_format("text/plain")


def test_csv_has_exactly_one_label() -> None:
    with pytest.raises(UserError, match=r"^text/csv; label_size=2 is not an accepted csv ContentType"):
        data_format("text/csv; label_size=2")


@pytest.mark.parametrize("content_type", ["application/x-parquet", "recordio-protobuf"])
def test_formats_that_are_not_built_say_so(content_type: str) -> None:
    with pytest.raises(UserError, match="does not read it yet"):
        data_format(content_type)
