"""From the files of the channels to xgboost's matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_container.channel import Channel, data_files
from sagemaker_container.cpu import usable_cpus
from sagemaker_container.errors import UserError

from sagemaker_xgboost import csv_data, libsvm_data
from sagemaker_xgboost.content_type import data_format
from sagemaker_xgboost.library import xgboost


@dataclass(frozen=True, slots=True)
class Matrices:
    """``train`` always; ``validation`` and ``both`` (their rows together, for cross validation) where asked for."""

    train: Any
    validation: Any | None
    both: Any | None


class Reader:
    """Reads files of one format into DMatrix objects; all calls agree on how features are numbered."""

    def __init__(self, content_type: str | None, weighted_csv: bool) -> None:
        self._format = data_format(content_type)
        self._weighted_csv = weighted_csv
        self._first_index: int | None = None

    def read(self, files: Sequence[Path]) -> Any:
        return self._csv(files) if self._format == "csv" else self._libsvm(files)

    def _csv(self, files: Sequence[Path]) -> Any:
        table = csv_data.read_files(files)
        first = 2 if self._weighted_csv else 1
        if table.shape[1] < first:
            raise UserError("Failed to load csv data with exception:\ncsv_weights=1 needs a second column")
        weight = table[:, 1] if self._weighted_csv else None
        return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=weight, nthread=usable_cpus())

    def _libsvm(self, files: Sequence[Path]) -> Any:
        rows = libsvm_data.read_files(files, self._first_index)
        self._first_index = rows.first_index
        return xgboost.DMatrix(
            rows.features, label=rows.labels, weight=rows.weights, qid=rows.groups, nthread=usable_cpus()
        )


def load(train: Channel, validation: Channel | None, weighted_csv: bool, together: bool) -> Matrices:
    """Read the channels. Raises `UserError` when one has no data or cannot be read.

    The format is that of the train channel; AWS's image assumes the same one for validation.
    """
    train_files = _files(train, "training")
    validation_files = _files(validation, "validation") if validation else []
    reader = Reader(train.content_type, weighted_csv)
    matrix = reader.read(train_files)
    if not validation_files:
        return Matrices(matrix, None, matrix if together else None)
    both = reader.read([*train_files, *validation_files]) if together else None
    return Matrices(matrix, reader.read(validation_files), both)


def _files(channel: Channel, label: str) -> list[Path]:
    files = data_files(channel.path)
    if not files:
        raise UserError(f"No data in {label} channel path {channel.path}")
    return files
