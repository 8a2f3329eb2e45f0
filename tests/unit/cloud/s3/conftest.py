from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.cloud.s3 import service
from emulator.cloud.s3.claims import claims
from emulator.objects.blobs import Blobs


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
