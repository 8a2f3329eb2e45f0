"""What DescribeEndpoint and ListEndpoints show of an endpoint."""

from __future__ import annotations

from typing import Any

from emulator.sagemaker.endpoint.machine import Endpoint, EndpointMachine, Fleet, Variant
from emulator.state.store import Resource

_MACHINE = EndpointMachine()


def life_of(resource: Resource) -> Endpoint:
    """The endpoint's life as it is stored."""
    return _MACHINE.load(resource.state)


def describe(resource: Resource) -> dict[str, Any]:
    """The reply of DescribeEndpoint."""
    life = life_of(resource)
    shown: dict[str, Any] = {**summary(resource), "EndpointConfigName": resource.request["EndpointConfigName"]}
    if life.fleet is not None:
        shown["EndpointConfigName"] = life.fleet.config
        shown["ProductionVariants"] = [_serving(life.fleet, variant) for variant in life.fleet.variants]
    if life.phase in ("creating", "updating") and life.coming is not None:
        shown["PendingDeploymentSummary"] = _pending(life.coming)
    if life.reason is not None:
        shown["FailureReason"] = life.reason
    return shown


def summary(resource: Resource) -> dict[str, Any]:
    """One EndpointSummary."""
    return {
        "EndpointName": resource.key.name,
        "EndpointArn": resource.arn,
        "EndpointStatus": resource.status,
        "CreationTime": resource.created_at,
        "LastModifiedTime": resource.modified_at,
    }


def _serving(fleet: Fleet, variant: Variant) -> dict[str, Any]:
    ready = [instance.ready_at for instance in fleet.serving if instance.id in variant.instances]
    image = {"SpecifiedImage": variant.container["Image"]}
    return {
        "VariantName": variant.name,
        "DeployedImages": [{**image, "ResolutionTime": min(ready)} if ready else image],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": len(ready),
        "DesiredInstanceCount": len(variant.instances),
    }


def _pending(fleet: Fleet) -> dict[str, Any]:
    variants = [
        {
            "VariantName": variant.name,
            "DeployedImages": [{"SpecifiedImage": variant.container["Image"]}],
            "DesiredWeight": variant.weight,
            "DesiredInstanceCount": len(variant.instances),
            "VariantStatus": [{"Status": "Creating", "StartTime": fleet.planned_at}],
        }
        for variant in fleet.variants
    ]
    return {"EndpointConfigName": fleet.config, "ProductionVariants": variants, "StartTime": fleet.planned_at}
