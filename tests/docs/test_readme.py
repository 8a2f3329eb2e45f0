"""Every command and program of the README, run in order in one shell and a clean directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, Block, blocks

README = ROOT / "README.md"

# Two words mean something else here. An installation is only resolved and built, since this environment has been
# installed that way already. `make` works in the checkout, and `make test` is planned, not run: it is what runs this.
PRELUDE = """
set -euo pipefail
pip() {
  [ "$1" = install ]
  (cd "$ROOT" && python -m pip install --dry-run --no-deps --no-build-isolation --quiet "${@:2}")
}
make() { if [ "$*" = test ]; then command make -C "$ROOT" --dry-run test; else command make -C "$ROOT" "$@"; fi; }
"""

ENGINES = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user's first shell: nothing of this machine's emulators and AWS accounts, our commands first on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_", "XDG_"))}
    for folder in ("home", "tmp", "work"):
        (tmp_path / folder).mkdir()
    clean = {
        **kept,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "SHELL": "/bin/bash",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "ROOT": str(ROOT),
        "SAGEMAKER_EMULATOR_PORT": "0",  # whatever else runs on this machine
    }
    yield clean
    subprocess.run([sys.executable, "-m", "emulator", "down"], env=clean, capture_output=True, check=False)


def test_every_block_is_of_a_kind_that_is_run_or_compared() -> None:
    assert {block.language for block in blocks(README)} == {"bash", "python", "text"}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_the_readme_does_what_it_says(engine: str, environment: dict[str, str], tmp_path: Path) -> None:
    chosen = {"SAGEMAKER_EMULATOR_ENGINE": engine, "ENGINE": engine}
    parts = [block for block in blocks(README) if engine == "docker" or not block.needs_docker]
    script = PRELUDE + "\n".join(shell(block) for block in parts)

    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path / "work",
        env=environment | chosen,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for line in expected(parts):
        assert re.search(line, done.stdout, re.MULTILINE), f"{line} is not in\n{done.stdout}"
    assert f"({engine})" in done.stdout, "the ready line names the engine"
    assert re.search(r"^Held-out accuracy: ", done.stdout, re.MULTILINE), "the demo ran to its end"
    assert list((tmp_path / "work").iterdir()) == []


def shell(block: Block) -> str:
    """A block as part of a bash script."""
    match block.language:
        case "bash":
            return block.code
        case "python":
            return f"python - <<'END_OF_PROGRAM'\n{block.code}END_OF_PROGRAM\n"
    return ""


def expected(parts: list[Block]) -> list[str]:
    """The lines that the README shows as output, as patterns in which any number stands for any other."""
    shown = [line for block in parts if block.language == "text" for line in block.code.splitlines()]
    return [f"^{re.sub(r'[0-9]+', '[0-9]+', re.escape(line))}$" for line in shown]
