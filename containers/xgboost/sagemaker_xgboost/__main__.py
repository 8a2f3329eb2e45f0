"""``python -m sagemaker_xgboost train|serve``."""

from __future__ import annotations

import sys

from sagemaker_container.layout import Layout
from sagemaker_container.program import run


def train(layout: Layout) -> None:
    from sagemaker_xgboost.train import train as train_job

    train_job(layout)


def serve(layout: Layout) -> None:
    from sagemaker_container.server import serve as serve_http

    from sagemaker_xgboost.serve import Scoring

    serve_http(Scoring(layout.model))


if __name__ == "__main__":
    run(train, serve, sys.argv[1:])
