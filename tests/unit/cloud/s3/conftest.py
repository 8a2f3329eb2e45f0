from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cloud.s3 import service
from emulator.cloud.s3.claims import claims
from emulator.objects.blobs import Blobs
from tests.mounted import Mounted
from tests.unit.cloud.s3.wire import Store


class NoRows:
    """A catalogue without small blobs: those that wait for it are all there are."""

    def blob(self, name: str) -> bytes | None:
        return None


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    """Blobs that nobody cleans up."""
    return Blobs(tmp_path_factory.mktemp("objects"), NoRows())


@pytest.fixture
def hooked(blobs: Blobs) -> Iterator[None]:
    """moto's models with our hooks, without a cloud around them."""
    service.install()
    claims.use(blobs)
    yield
    claims.use(None)


@pytest.fixture
def store(aws: Mounted, tmp_path: Path) -> Store:
    """S3 with an empty bucket."""
    return Store(aws, tmp_path)
