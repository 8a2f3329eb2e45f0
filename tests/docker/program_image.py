"""The image of ``image/program.py``, built once for each test run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import docker

PROGRAM = Path(__file__).parent / "image" / "program.py"
IMAGE = "sagemaker-emulator-test/program:latest"


@cache
def build() -> str:
    """The name of the image; its base must be there (``containers/mkbase.sh`` makes it without a registry)."""
    client = docker.from_env()
    try:
        client.images.build(path=str(PROGRAM.parent), tag=IMAGE, rm=True, forcerm=True)
    finally:
        client.close()
    return IMAGE
