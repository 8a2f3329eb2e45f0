"""What is in the distribution that users install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        yield archive


def test_the_containers_sources_are_in_it_complete(wheel: zipfile.ZipFile) -> None:
    sources = [path for path in (ROOT / "containers").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"emulator/_containers/{path.relative_to(ROOT / 'containers')}" for path in sources} <= set(
        wheel.namelist()
    )


def test_it_is_typed_and_brings_the_command(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "emulator/py.typed" in names
    entry_points = next(name for name in names if name.endswith(".dist-info/entry_points.txt"))
    assert "sagemaker-emulator = emulator.cli.main:main" in wheel.read(entry_points).decode()


def test_nothing_is_in_it_that_a_user_does_not_need(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"emulator", "sagemaker_emulator"}
    assert not [name for name in names if "test" in Path(name).parts or "tests" in Path(name).parts]
    assert not [name for name in names if name.endswith((".pyc", ".pem", ".key")) or "__pycache__" in name]


def test_no_private_key_is_in_it(wheel: zipfile.ZipFile) -> None:
    marker = b"PRIVATE " + b"KEY-----"
    assert not [name for name in wheel.namelist() if marker in wheel.read(name)]
