"""Endpoint configurations: which models an endpoint serves, on which instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.wire import Call
from emulator.errors import ValidationException
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt, require_role
from emulator.sagemaker.model import MODEL
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.records import Record


def _any(request: Mapping[str, Any], member: str) -> bool:
    return any(member in variant for variant in request["ProductionVariants"])


UNBUILT: tuple[Unbuilt, ...] = (
    ("several production variants", lambda r: len(r["ProductionVariants"]) > 1),
    ("shadow variants", lambda r: bool(r.get("ShadowProductionVariants"))),
    ("serverless inference", lambda r: _any(r, "ServerlessConfig")),
    (
        "inference components (a variant without ModelName)",
        lambda r: any("ModelName" not in v for v in r["ProductionVariants"]),
    ),
    ("managed instance scaling", lambda r: _any(r, "ManagedInstanceScaling")),
    ("asynchronous inference", lambda r: "AsyncInferenceConfig" in r),
    ("data capture", lambda r: bool(r.get("DataCaptureConfig", {}).get("EnableCapture"))),
    ("explainers", lambda r: "ExplainerConfig" in r),
    ("network isolation", lambda r: bool(r.get("EnableNetworkIsolation"))),
)


def _check(platform: Platform, call: Call) -> None:
    refuse_unbuilt("CreateEndpointConfig", call.input, UNBUILT)
    if "ExecutionRoleArn" in call.input:
        require_role(platform, call.input["ExecutionRoleArn"])
    for variant in call.input["ProductionVariants"]:
        if "InstanceType" not in variant:
            raise ValidationException(f"Production variant {variant['VariantName']} must have an InstanceType.")
        if "InitialInstanceCount" not in variant:
            raise ValidationException(f"Production variant {variant['VariantName']} must have an InitialInstanceCount.")
        MODEL.find(platform, call.scope, variant["ModelName"])


def _defaults(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "ProductionVariants": [{"InitialVariantWeight": 1.0, **variant} for variant in request["ProductionVariants"]],
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
    }


ENDPOINT_CONFIG = Record(
    "endpoint-config", "EndpointConfig", "endpoint configuration", "EndpointConfigs", _check, _defaults
)
