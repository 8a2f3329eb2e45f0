from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader

from emulator.aws.constraints import compile_pattern
from emulator.aws.model import Model, load

SERVICES = [
    "sagemaker",
    "sagemaker-a2i-runtime",
    "sagemaker-featurestore-runtime",
    "sagemaker-metrics",
    "sagemaker-runtime",
]


def without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_prose(item) for key, item in value.items() if not is_prose(key, item)}
    return [without_prose(item) for item in value] if isinstance(value, list) else value


def is_prose(key: str, item: Any) -> bool:
    return key == "documentation" and isinstance(item, str)


@pytest.mark.parametrize("service", SERVICES)
def test_a_model_is_what_botocore_loads_without_the_documentation(service: str, models: Callable[[str], Model]) -> None:
    model = models(service)
    expected = without_prose(Loader().load_service_model(service, "service-2"))
    assert model.metadata == expected["metadata"]
    assert model.operations == expected["operations"]
    assert model.shapes == expected["shapes"]


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_patches_none_of_the_models_after_loading(service: str) -> None:
    assert not list((Path(botocore.__file__).parent / "data" / service).glob("*/service-2.sdk-extras.json"))


def test_an_unknown_service_is_named_in_the_error() -> None:
    with pytest.raises(LookupError, match="'sagemaker-nonesuch'"):
        load("sagemaker-nonesuch")


def test_a_shape_is_secret_when_anything_inside_it_is(models: Callable[[str], Model]) -> None:
    sagemaker = models("sagemaker")
    assert sagemaker.is_secret("ClientSecret")
    assert sagemaker.is_secret("CreateWorkforceRequest")
    assert not sagemaker.is_secret("CreateTrainingJobRequest")


def test_only_a_modelled_error_is_an_exception(models: Callable[[str], Model]) -> None:
    sagemaker = models("sagemaker")
    assert sagemaker.exception("ResourceInUse") is not None
    assert sagemaker.exception("TrainingJob") is None
    assert sagemaker.exception("ValidationException") is None


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_is_enforced_but_those_with_surrogate_ranges(
    service: str, models: Callable[[str], Model]
) -> None:
    patterns = {shape["pattern"] for shape in models(service).shapes.values() if "pattern" in shape}
    unread = {pattern for pattern in patterns if compile_pattern(pattern) is None}
    assert all("\\uD800\\uDC00-\\uDBFF\\uDFFF" in pattern for pattern in unread)
