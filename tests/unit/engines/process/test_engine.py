from __future__ import annotations

from pathlib import Path

import pytest

from emulator.engines.port import EngineError, LaunchSpec
from emulator.engines.process import ProcessEngine

IMAGE = "sagemaker-emulator/xgboost"


@pytest.fixture
def engine(tmp_path: Path) -> ProcessEngine:
    return ProcessEngine("test", tmp_path / "state")


def test_an_entrypoint_of_ones_own_needs_docker(engine: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"ContainerEntrypoint.*needs Docker"):
        engine.launch(LaunchSpec("job", IMAGE, tmp_path, entrypoint=("sh",)))


def test_an_isolated_server_could_be_reached_by_nobody(engine: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="isolated"):
        engine.launch(LaunchSpec("job", IMAGE, tmp_path, port=8080, network=False))


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x"])
def test_a_name_that_is_no_name_touches_no_file(engine: ProcessEngine, tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match="not a name"):
        engine.launch(LaunchSpec(name, IMAGE, tmp_path))


def test_nothing_is_owned_before_the_first_launch(engine: ProcessEngine) -> None:
    assert engine.owned() == []


def test_health_tells_how_jobs_are_kept_apart(engine: ProcessEngine) -> None:
    assert "/opt/ml" in engine.health().detail
