"""The services under test, with their models loaded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.aws import Handler, Service, WireRequest
from emulator.aws.model import Model, load

Serve = Callable[[str, Mapping[str, Handler]], Service]


@pytest.fixture
def scope() -> Scope:
    return Scope("123456789012", "us-east-1")


@pytest.fixture(scope="session")
def models() -> Callable[[str], Model]:
    """Loads a model, once for the whole session."""
    return cache(load)


@pytest.fixture
def serve(models: Callable[[str], Model]) -> Serve:
    """Makes a service with the given handlers."""
    return lambda name, handlers: Service(name, handlers, load=models)


@pytest.fixture
def target() -> Callable[[str, bytes], WireRequest]:
    """Makes a request to an operation of the control plane."""

    def make(operation: str, body: bytes = b"{}") -> WireRequest:
        return WireRequest("POST", "/", "", {"x-amz-target": f"SageMaker.{operation}"}, body)

    return make


@pytest.fixture
def training_job() -> dict[str, Any]:
    """The smallest acceptable CreateTrainingJob request."""
    return {
        "TrainingJobName": "a-job",
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/service-role/Role",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
