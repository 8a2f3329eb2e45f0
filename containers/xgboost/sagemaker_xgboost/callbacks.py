"""What happens after each boosting round: the metric line, checkpoints, the intermediate model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sagemaker_xgboost import model_file
from sagemaker_xgboost.library import xgboost

CHECKPOINTS_KEPT = 5


class MetricLine(xgboost.callback.TrainingCallback):
    """Print ``[0]<TAB>train-rmse:0.20752<TAB>validation-rmse:0.21``, counting on from where a resumed job began."""

    def __init__(self, first_round: int) -> None:
        super().__init__()
        self._first_round = first_round

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        values = [
            f"\t{data}-{name}:{history[-1]:.5f}"
            for data, metrics in evals_log.items()
            for name, history in metrics.items()
        ]
        print(f"[{self._first_round + epoch}]{''.join(values)}", file=sys.stdout, flush=True)
        return False


class Checkpoints(xgboost.callback.TrainingCallback):
    """Keep a checkpoint of each of the last five rounds, so that an interrupted job can go on."""

    def __init__(self, folder: Path, first_round: int) -> None:
        super().__init__()
        self._folder = folder
        self._first_round = first_round

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        iteration = self._first_round + epoch
        model_file.save(model, model_file.checkpoint_path(self._folder, iteration))
        if epoch >= CHECKPOINTS_KEPT:
            old = model_file.checkpoint_path(self._folder, iteration - CHECKPOINTS_KEPT)
            old.unlink(missing_ok=True)
        return False


class IntermediateModel(xgboost.callback.TrainingCallback):
    """Write the model after every round, so that a job that is stopped leaves one."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        model_file.save(model, self._path)
        return False
