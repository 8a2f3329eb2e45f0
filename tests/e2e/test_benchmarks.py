"""Each part of `make bench` runs; how fast is not asked here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import plan
from benchmarks.__main__ import PARTS, main
from benchmarks.plan import Sizes

TINY = Sizes(
    queued=4, transfer=9 << 20, keys=50, channel_files=5, channel_file=100_000, upload=9_000_000, jobs=(20, 40)
)
ENGINES = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", PARTS)
def test_a_part_measures_the_emulator_and_its_reference(
    part: str, engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [part, "--engine", engine, "--rounds", "1", "--seconds", "0.05"]
    main([*asked, "--json", str(tmp_path / "figures.json")], TINY)
    document, printed = json.loads((tmp_path / "figures.json").read_text()), capsys.readouterr().out
    assert document["left_out"] == []
    assert any(engine in figure["name"] for figure in document["figures"])
    for figure in document["figures"]:
        assert figure["name"] in printed
        assert figure["emulator"] > 0
        assert figure["reference"] > 0


def test_without_a_docker_engine_the_table_says_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    found = plan.plan(["docker", "process"], rounds=1, seconds=0.05)
    assert list(found.engines) == ["process"]
    assert len(found.left_out) == 1
    assert found.left_out[0].startswith("The docker engine is left out: No Docker Engine answers")
