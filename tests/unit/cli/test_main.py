"""The command as a whole."""

from __future__ import annotations

import subprocess
import sys

from emulator.cli.main import cli
from emulator.cli.table import table
from emulator.version import __version__
from tests.unit.cli.conftest import Run


def test_help_lists_every_command_with_its_meaning(run: Run) -> None:
    done = run("--help")

    assert done.returncode == 0
    for name in ("up", "down", "status", "env", "doctor", "images", "version"):
        assert any(line.split()[:1] == [name] and len(line.split()) > 1 for line in done.stdout.splitlines()), name


def test_an_unknown_command_is_refused(run: Run) -> None:
    assert run("upp").returncode == 2


def test_version_names_the_emulator_and_what_it_is_made_of(run: Run) -> None:
    lines = run("version").stdout.splitlines()

    assert lines[0] == f"sagemaker-emulator {__version__}"
    assert {line.split()[0] for line in lines} >= {"python", "boto3", "botocore", "moto", "docker", "xgboost-cpu"}
    assert run("--version").stdout == f"sagemaker-emulator, version {__version__}\n"


def test_the_help_loads_nothing_that_is_slow_to_load() -> None:
    script = (
        "import sys; from emulator.cli.main import cli; cli(['--help'], standalone_mode=False);"
        "print(*sys.modules, file=sys.stderr)"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr.split()

    assert {"boto3", "moto", "flask", "docker", "sqlalchemy", "uvicorn"}.isdisjoint(loaded)
    assert cli.name == "sagemaker-emulator"


def test_a_tables_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([("a", "bb", "c"), ("ddd", "", "e f")]) == ["a    bb  c", "ddd      e f"]
