"""The points of mounts in a job's directory."""

from __future__ import annotations

from pathlib import Path

from emulator.engines.mounts import make_points, point_in
from emulator.engines.port import LaunchSpec, Mount


def test_points_below_opt_ml_are_made_and_others_are_not(tmp_path: Path) -> None:
    ml, source = tmp_path / "ml", tmp_path / "source"
    source.mkdir()
    mounts = (Mount("/opt/ml/input/data/train/", source), Mount("/tmp/checkpoints", source), Mount("/opt/mlx", source))
    make_points(LaunchSpec("job", "image", ml, mounts=mounts))
    assert [path.relative_to(ml).as_posix() for path in sorted(ml.rglob("*"))] == [
        "input",
        "input/data",
        "input/data/train",
    ]
    assert [point_in(ml, mount) for mount in mounts] == [ml / "input/data/train", None, None]


def test_a_link_of_an_earlier_launch_becomes_a_directory_and_what_it_led_to_stays(tmp_path: Path) -> None:
    ml, source = tmp_path / "ml", tmp_path / "source"
    for folder in (ml, source):
        folder.mkdir()
    (source / "kept").touch()
    (ml / "checkpoints").symlink_to(source)
    make_points(LaunchSpec("job", "image", ml, mounts=(Mount("/opt/ml/checkpoints", source),)))
    assert not (ml / "checkpoints").is_symlink()
    assert list((ml / "checkpoints").iterdir()) == []
    assert (source / "kept").exists()
