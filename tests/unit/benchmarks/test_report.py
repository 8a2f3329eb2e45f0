"""The printed table and the JSON file."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import report
from benchmarks.figure import Figure, Target

FIGURES = [
    Figure("training job, docker", "s", 0.935, "docker run", 0.81, Target("difference", 0.25)),
    Figure("invocations, 16 at once, docker", "1/s", 1560.4, "called directly", 2738.0, Target("ratio", 0.6, True)),
    Figure("the first job", "s", 1.06, "docker run", 0.81),
]


def test_each_row_says_what_was_measured_beside_what_and_whether_the_target_is_met() -> None:
    _, job, invocations, first = [" ".join(line.split()) for line in report.lines(FIGURES)]
    assert job == "training job, docker s 0.94 0.81 docker run +0.12 1.15 added <= 0.25 met"
    assert invocations == (
        "invocations, 16 at once, docker 1/s 1560 2738 called directly -1178 0.57 ratio >= 0.6 MISSED"
    )
    assert first == "the first job s 1.06 0.81 docker run +0.25 1.31"


def test_the_json_file_holds_the_unrounded_figures_and_what_was_left_out(tmp_path: Path) -> None:
    report.write(tmp_path / "figures.json", FIGURES, ["The docker engine is left out: it is not running."])
    document = json.loads((tmp_path / "figures.json").read_text())
    assert document["left_out"] == ["The docker engine is left out: it is not running."]
    assert document["figures"][0] == {
        "name": "training job, docker",
        "unit": "s",
        "emulator": 0.935,
        "reference": 0.81,
        "reference_name": "docker run",
        "target": "added <= 0.25",
        "met": True,
    }
    assert document["figures"][2]["met"] is None
    assert set(document["machine"]) == {"cpus", "system", "python"}
