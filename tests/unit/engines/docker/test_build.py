from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from emulator.engines import images
from emulator.engines.docker import build
from emulator.engines.port import EngineError

PREFIX = "sagemaker-emulator-test/"
SCRATCH = "FROM scratch\nCOPY file /file\n"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Tiny images with the names of the real ones, under another prefix."""
    for name in ("base", "xgboost"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "base" / "Dockerfile").write_text(SCRATCH)
    (tmp_path / "xgboost" / "Dockerfile").write_text(f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\n{SCRATCH[13:]}")
    monkeypatch.setattr(images, "containers_dir", lambda: tmp_path)
    monkeypatch.setattr(images, "LOCAL_PREFIX", PREFIX)
    yield tmp_path
    client = docker.APIClient(version="auto")
    for tag in (*images.local_tags("xgboost"), *images.local_tags("base")):
        with suppress(ImageNotFound):
            client.remove_image(tag)
    client.close()


def states() -> dict[str, str]:
    return {status.name: status.state for status in build.statuses()}


@pytest.mark.docker
def test_images_are_missing_then_built_then_outdated(sources: Path) -> None:
    assert states() == {"base": "missing", "xgboost": "missing"}
    said: list[str] = []
    build.build(["xgboost"], said.append)
    assert any("base" in line for line in said)
    assert states() == {"base": "built", "xgboost": "built"}
    assert all(status.size for status in build.statuses())
    (sources / "xgboost" / "file").write_text("changed")
    assert states() == {"base": "built", "xgboost": "outdated"}


@pytest.mark.docker
def test_a_build_that_fails_tells_the_step(sources: Path) -> None:
    (sources / "base" / "Dockerfile").write_text("FROM scratch\nCOPY nothing /nothing\n")
    with pytest.raises(EngineError, match=r"image base could not be built(.|\n)*COPY nothing"):
        build.build([], lambda line: None)


@pytest.mark.docker
def test_without_the_python_image_and_a_registry_the_script_is_named(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "PYTHON_IMAGE", "localhost:1/no-such-image:1")
    with pytest.raises(EngineError, match=r"mkbase\.sh"):
        build.build([], lambda line: None)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(EngineError, match=r"No such image: nonsense\. There are: base, xgboost"):
        build.build(["nonsense"], lambda line: None)


def test_the_context_is_what_the_hash_counts() -> None:
    with tarfile.open(fileobj=build._context("base")) as archive:
        names = archive.getnames()
    folder = images.containers_dir() / "base"
    assert names == [str(path.relative_to(folder)) for path in images.sources("base")]
    assert not any("__pycache__" in name for name in names)
