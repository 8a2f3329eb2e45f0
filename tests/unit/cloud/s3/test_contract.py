"""The moto that the hooks are written for, whose insides they change."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

from emulator.cloud.s3.contract import TESTED_WITH

PYPROJECT = Path(__file__).parents[4] / "pyproject.toml"
MAJOR, MINOR = (int(part) for part in TESTED_WITH.split(".")[:2])


def test_the_installed_moto_is_of_the_release_the_hooks_were_tested_with() -> None:
    assert version("moto").split(".")[:2] == TESTED_WITH.split(".")[:2]


def test_no_other_release_of_moto_can_be_installed() -> None:
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    (moto,) = [each for each in dependencies if each.startswith("moto[")]
    assert moto.partition("]")[2] == f">={MAJOR}.{MINOR},<{MAJOR}.{MINOR + 1}"
