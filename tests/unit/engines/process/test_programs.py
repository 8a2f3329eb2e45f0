from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.engines.port import ImageMissing, LaunchSpec
from emulator.engines.process import programs

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def spec(**options: object) -> LaunchSpec:
    return LaunchSpec("job", XGBOOST, Path("/ml"), **options)  # type: ignore[arg-type]


def test_a_first_party_image_is_its_package_in_this_python() -> None:
    command = programs.command(XGBOOST)
    assert command.argv == (sys.executable, "-m", "sagemaker_xgboost")
    assert all(path.is_dir() for path in command.visible)
    assert command.environment["PYTHONPATH"].split(":")[:2] == [str(path) for path in command.visible]


def test_any_other_image_needs_docker_and_says_so() -> None:
    with pytest.raises(ImageMissing, match=r"my-image:1 needs Docker.*\(xgboost\)"):
        programs.command("my-image:1")


def test_a_missing_package_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda name: None if name == "xgboost" else object())
    with pytest.raises(ImageMissing, match=r"needs xgboost in .*pip install 'sagemaker-emulator\[algorithms\]'"):
        programs.command(XGBOOST)


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = programs.environment(spec(), None)
    assert "AWS_SECRET_ACCESS_KEY" not in found
    assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert "SAGEMAKER_BIND_TO_PORT" not in found


def test_a_port_and_fewer_cpus_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    found = programs.environment(spec(cpus=2.5), 1234)
    assert found["SAGEMAKER_BIND_TO_PORT"] == "1234"
    assert found["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in programs.environment(spec(cpus=8), None)
