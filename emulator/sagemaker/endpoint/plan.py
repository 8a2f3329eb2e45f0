"""Planning a fleet: everything an endpoint configuration leads to, taken down when it is asked for."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from emulator.arns import Scope
from emulator.sagemaker.endpoint.machine import Fleet, Variant
from emulator.sagemaker.model import MODEL, containers
from emulator.sagemaker.platform import Platform
from emulator.state.store import Resource

# The documentation speaks of four minutes in which a container has to become healthy.
_STARTUP_SECONDS = 240.0


def plan(platform: Platform, scope: Scope, config: Resource, at: float) -> Fleet:
    """The fleet of an endpoint configuration, with fresh instance ids. Raises for a model that is gone."""
    variants = tuple(_variant(platform, scope, variant) for variant in config.request["ProductionVariants"])
    return Fleet(id=uuid.uuid4().hex, config=config.key.name, variants=variants, planned_at=at)


def _variant(platform: Platform, scope: Scope, variant: Mapping[str, Any]) -> Variant:
    model = MODEL.find(platform, scope, variant["ModelName"])
    count = variant["InitialInstanceCount"]
    return Variant(
        name=variant["VariantName"],
        instance_type=variant["InstanceType"],
        instances=tuple(f"i-{secrets.token_hex(8)}" for _ in range(count)),
        weight=variant.get("InitialVariantWeight", 1.0),
        role=model.request.get("ExecutionRoleArn", ""),
        container=dict(containers(model.request)[0]),
        startup_timeout=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS)),
        random_routing=variant.get("RoutingConfig", {}).get("RoutingStrategy") == "RANDOM",
    )
