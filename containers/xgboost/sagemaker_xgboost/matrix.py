"""From the data of the channels to xgboost's matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_container.channel import Channel, data_files
from sagemaker_container.cpu import usable_cpus
from sagemaker_container.errors import UserError

from sagemaker_xgboost import csv_data, libsvm_data
from sagemaker_xgboost.content_type import data_format
from sagemaker_xgboost.library import xgboost


@dataclass(frozen=True, slots=True)
class Matrices:
    """``train`` and ``validation``, None where a channel is empty or absent; ``both``, their rows together, for cross
    validation. ``first_index`` is the number libsvm files give to the first feature, None for other formats."""

    train: Any | None
    validation: Any | None
    both: Any | None
    first_index: int | None


class Reader:
    """Reads channels of one format into DMatrix objects; all calls agree on how features are numbered."""

    def __init__(self, content_type: str | None, weighted_csv: bool, first_index: int | None = None) -> None:
        self._format = data_format(content_type)
        self._weighted_csv = weighted_csv
        self.first_index = first_index

    def read(self, channels: Sequence[Channel]) -> Any | None:
        """All rows of the channels in one matrix; None when there are none. Raises `UserError`."""
        return self._csv(channels) if self._format == "csv" else self._libsvm(channels)

    def _csv(self, channels: Sequence[Channel]) -> Any | None:
        tables = [table for table in map(_csv_table, channels) if table is not None]
        if not tables:
            return None
        table = csv_data.join(tables)
        first = 2 if self._weighted_csv else 1
        if table.shape[1] < first:
            raise UserError("Failed to load csv data with exception:\ncsv_weights=1 needs a second column")
        weight = table[:, 1] if self._weighted_csv else None
        return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=weight, nthread=usable_cpus())

    def _libsvm(self, channels: Sequence[Channel]) -> Any | None:
        files = [file for channel in channels for file in data_files(channel.path)]
        if not files:
            return None
        rows = libsvm_data.read_files(files, self.first_index)
        self.first_index = rows.first_index
        return xgboost.DMatrix(
            rows.features, label=rows.labels, weight=rows.weights, qid=rows.groups, nthread=usable_cpus()
        )


def _csv_table(channel: Channel) -> csv_data.Table | None:
    if channel.pipe is not None:
        with channel.pipe.open() as stream:
            return csv_data.read_stream(stream)
    files = data_files(channel.path)
    return csv_data.read_files(files) if files else None


def load(
    train: Channel, validation: Channel | None, weighted_csv: bool, together: bool, first_index: int | None = None
) -> Matrices:
    """Read the channels. Raises `UserError` when one cannot be read.

    The format is that of the train channel; AWS's image assumes the same one for validation.
    """
    reader = Reader(train.content_type, weighted_csv, first_index)
    channels = [train] if validation is None else [train, validation]
    matrices = [reader.read([channel]) for channel in channels]
    both = reader.read(channels) if together and len(channels) == 2 else matrices[0]
    return Matrices(matrices[0], matrices[1] if validation else None, both, reader.first_index)
