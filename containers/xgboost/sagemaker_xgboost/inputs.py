"""The channels of a job, checked and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_container.channel import Channel, channel, require_channels
from sagemaker_container.errors import UserError
from sagemaker_container.layout import Layout

from sagemaker_xgboost import matrix
from sagemaker_xgboost.content_type import data_format


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a job reads, and how: ``weighted`` csv has weights in its second column; ``together`` asks for all rows
    in one matrix as well."""

    training: Channel
    validation: Channel | None
    weighted: bool
    together: bool

    @classmethod
    def of(cls, layout: Layout, values: Mapping[str, Any]) -> Inputs:
        """The inputs of the job with these hyperparameters. Raises `UserError`."""
        configs = layout.channels()
        require_channels(configs, required={"train"}, optional={"validation", "code"})
        channels = {name: channel(name, layout.channel(name), config) for name, config in configs.items()}
        for name in channels.keys() & {"train", "validation"}:
            _check(channels[name])
        weighted = values.get("csv_weights") == 1
        return cls(channels["train"], channels.get("validation"), weighted, "_kfold" in values)

    def load(self, first_index: int | None = None) -> matrix.Matrices:
        """Read them. ``first_index`` says how libsvm files number features, where that is known."""
        return matrix.load(self.training, self.validation, self.weighted, self.together, first_index)

    def empty(self, data: matrix.Matrices) -> Channel | None:
        """The first channel without data."""
        if data.train is None:
            return self.training
        return self.validation if data.validation is None else None


def _check(given: Channel) -> None:
    kind = data_format(given.content_type)
    if given.pipe is None:
        return
    if kind == "libsvm":
        raise UserError("Pipe mode not supported for LibSVM.")
    if given.framed:
        raise UserError(
            f"The {given.name} channel wraps csv in RecordIO, which SageMaker's XGBoost does not read. "
            "Use RecordWrapperType None."
        )
