"""A Docker engine with an identity and a network of its own, so that other emulators on the machine do not matter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import docker
import pytest

from emulator.engines.docker import DockerEngine
from tests.docker import program_image


@pytest.fixture(scope="module")
def client() -> Iterator[docker.APIClient]:
    client = docker.APIClient(version="auto")
    yield client
    client.close()


@pytest.fixture
def identity() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def engine(identity: str) -> Iterator[DockerEngine]:
    """Its containers are removed at the end, by another engine: a test may have closed this one."""
    program_image.build()
    engine = DockerEngine(identity, network=identity)
    engine.prepare()
    yield engine
    cleaner = DockerEngine(identity, network=identity)
    cleaner.prepare()
    for owned in cleaner.owned():
        cleaner.remove(owned.handle)
    engine.close()
    cleaner.close()
