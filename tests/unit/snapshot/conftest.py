from __future__ import annotations

from pathlib import Path

import pytest

from emulator.app import Emulator
from emulator.settings import Settings

BUCKET = "sagemaker-us-east-1-123456789012"
LARGE = b"large" * 20_000


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of an emulator with a small and a large object."""
    directory = tmp_path_factory.mktemp("saved")
    with Emulator(Settings(data_dir=directory / "data", port=0, engine="process")) as emulator:
        s3 = emulator.client("s3")
        s3.put_object(Bucket=BUCKET, Key="small", Body=b"small")
        s3.put_object(Bucket=BUCKET, Key="large", Body=LARGE)
        emulator.snapshot(directory / "state.tar.gz")
    return directory / "state.tar.gz"
