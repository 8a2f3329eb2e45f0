from __future__ import annotations

from pathlib import Path

import pytest

from emulator.engines import images
from emulator.engines.port import EngineError
from emulator.version import __version__


@pytest.mark.parametrize(
    "image",
    [
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.5-1-cpu-py3",
        "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:3.0-5",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1@sha256:0123",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:0.90-2-cpu-py3",
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest",
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost",
        "sagemaker-emulator/xgboost",
        "sagemaker-emulator/xgboost:anything",
    ],
)
def test_every_sibling_of_a_built_in_image_is_ours(image: str) -> None:
    assert images.first_party(image) == "xgboost"


@pytest.mark.parametrize(
    "image",
    [
        "my-image:latest",
        "xgboost:1",
        "sagemaker-xgboost:1.7-1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:mine",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:my-own",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1-patched",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:latest",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost@sha256:0123",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/sagemaker-xgboost:1",
        "sagemaker-emulator/base",
        "sagemaker-emulator/other:1",
        "12345.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1",
        "",
    ],
)
def test_any_other_name_is_the_users_own(image: str) -> None:
    assert images.first_party(image) is None


def test_local_tags_carry_this_version_first() -> None:
    assert images.local_tags("xgboost") == (
        f"sagemaker-emulator/xgboost:{__version__}",
        "sagemaker-emulator/xgboost:latest",
    )


def test_every_first_party_image_has_its_sources() -> None:
    for image in images.FIRST_PARTY.values():
        assert (images.containers_dir() / image.name / "Dockerfile").is_file()
        assert (images.containers_dir() / image.name / image.package / "__main__.py").is_file()


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("base", "xgboost"):
        (tmp_path / folder / "__pycache__").mkdir(parents=True)
        (tmp_path / folder / "Dockerfile").write_text("FROM x")
    monkeypatch.setattr(images, "containers_dir", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("changed", ["xgboost/Dockerfile", "xgboost/new.py", "base/Dockerfile"])
def test_the_hash_changes_with_every_source_and_with_the_base(sources: Path, changed: str) -> None:
    before = images.context_hash("xgboost")
    (sources / changed).write_text("other")
    assert images.context_hash("xgboost") != before


def test_the_hash_ignores_compiled_files_and_other_images(sources: Path) -> None:
    before = images.context_hash("base")
    (sources / "base" / "__pycache__" / "x.pyc").write_text("x")
    (sources / "xgboost" / "Dockerfile").write_text("other")
    assert images.context_hash("base") == before


def test_missing_sources_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "__file__", str(tmp_path / "emulator" / "engines" / "images.py"))
    with pytest.raises(EngineError, match="Reinstall"):
        images.containers_dir()
