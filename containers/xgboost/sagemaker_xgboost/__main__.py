"""``python -m sagemaker_xgboost train|serve``."""

from __future__ import annotations

import importlib
import sys

from sagemaker_container.layout import Layout
from sagemaker_container.program import run

SLOW_TO_IMPORT = ("pandas", "scipy.sparse", "sagemaker_xgboost.fit", "sagemaker_xgboost.cluster")


def train(layout: Layout) -> None:
    from sagemaker_xgboost.train import train as train_job

    train_job(layout)


def prepare() -> None:
    for name in SLOW_TO_IMPORT:
        importlib.import_module(name)


def serve(layout: Layout) -> None:
    from sagemaker_container.server import serve as serve_http

    from sagemaker_xgboost.serve import Scoring

    serve_http(Scoring(layout.model))


if __name__ == "__main__":
    run(train, serve, prepare, sys.argv[1:])
