"""The moto that the hooks are written for, whose insides they change."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from moto.s3 import models
from moto.s3.models import FakeDeleteMarker, FakeKey, FakeMultipart
from requests.structures import CaseInsensitiveDict

from emulator.cloud.s3.contract import TESTED_WITH
from tests.unit.cloud.s3.members import MEMBERS

ROOT = Path(__file__).parents[4]
PYPROJECT = ROOT / "pyproject.toml"
MAJOR, MINOR = (int(part) for part in TESTED_WITH.split(".")[:2])


def test_the_installed_moto_is_of_the_release_the_hooks_were_tested_with() -> None:
    assert version("moto").split(".")[:2] == TESTED_WITH.split(".")[:2]


def test_no_other_release_of_moto_can_be_installed() -> None:
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    (moto,) = [each for each in dependencies if each.startswith("moto[")]
    assert moto.partition("]")[2] == f">={MAJOR}.{MINOR},<{MAJOR}.{MINOR + 1}"


CHANGED = """
from moto.s3 import models, responses, utils
def other(self, {parameters}): ...
{place} = other
from emulator.cloud.s3 import contract
contract.check()
"""


@pytest.mark.parametrize(
    "place",
    [
        "models.FakeKey.__init__",
        "models.FakeMultipart.complete",
        "models.S3Backend.copy_object",
        "responses.S3Response.upload_part",
        "utils._VersionedKeyStore.setlist",
    ],
)
def test_moto_that_takes_something_else_is_refused_by_name_and_with_a_remedy(place: str) -> None:
    # In a process of its own: the contract is about a moto without hooks.
    program = CHANGED.format(place=place, parameters="something, else_")
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "MotoDiffers" in found.stderr
    assert "other takes self, something, else_" in found.stderr
    assert f"Install moto=={TESTED_WITH}." in found.stderr


def test_moto_that_lacks_something_is_refused() -> None:
    program = "from moto.s3.models import S3Backend\ndel S3Backend.upload_part_copy\nimport emulator.cloud.s3.contract"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "upload_part_copy" in found.stderr


def test_moto_as_it_is_installed_is_taken() -> None:
    program = "from emulator.cloud.s3 import contract\ncontract.check()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


NEW: dict[str, Callable[[], Any]] = {
    "FakeKey": lambda: FakeKey("k", b"", "111122223333", "us-east-1"),
    "FakeMultipart": lambda: FakeMultipart("k", CaseInsensitiveDict(), "111122223333", "us-east-1"),
    "FakeDeleteMarker": lambda: FakeDeleteMarker(FakeKey("k", b"", "111122223333", "us-east-1")),
}


@pytest.mark.usefixtures("hooked")
@pytest.mark.parametrize("name", MEMBERS)
def test_models_have_the_members_that_rows_were_made_for(name: str) -> None:
    assert set(vars(NEW[name]())) == set(MEMBERS[name].split())


def imported(path: Path) -> Iterator[str]:
    """What a file imports, by full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_one_module_alone_knows_the_insides_of_motos_s3() -> None:
    # import-linter sees no more of a package of others than its name.
    knowing = {
        path.relative_to(ROOT).parent.as_posix()
        for path in (ROOT / "emulator").rglob("*.py")
        if any(f"{name}.".startswith("moto.s3.") for name in imported(path))
    }
    assert knowing == {"emulator/cloud/s3"}


def test_blobs_and_bodies_know_nothing_of_moto() -> None:
    for path in (ROOT / "emulator" / "objects").rglob("*.py"):
        assert not [name for name in imported(path) if name.split(".")[0] == "moto" or "cloud" in name]


def test_keys_of_a_new_bucket_have_our_index(hooked: None) -> None:
    bucket = models.FakeBucket("b", "111122223333", "us-east-1")
    assert type(bucket.keys).__name__ == "IndexedKeys"
