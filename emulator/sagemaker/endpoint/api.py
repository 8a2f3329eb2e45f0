"""The operations on endpoints."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator import arns
from emulator.aws.wire import Call, Handler
from emulator.errors import ValidationException
from emulator.sagemaker import tagging
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt
from emulator.sagemaker.endpoint import view
from emulator.sagemaker.endpoint.machine import NOUN, DeleteRequested, Endpoint, UpdateRequested
from emulator.sagemaker.endpoint.plan import plan
from emulator.sagemaker.endpoint_config import ENDPOINT_CONFIG
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.platform import Platform
from emulator.state.store import AlreadyExists, Key, Resource

LISTING = Listing(NOUN, "Endpoints", view.summary)

UNBUILT: tuple[Unbuilt, ...] = (
    ("DeploymentConfig", lambda r: "DeploymentConfig" in r),
    ("RetainAllVariantProperties", lambda r: bool(r.get("RetainAllVariantProperties"))),
    ("RetainDeploymentConfig", lambda r: bool(r.get("RetainDeploymentConfig"))),
)


def operations(platform: Platform) -> dict[str, Handler]:
    """The handlers of the endpoint operations."""
    return {
        "CreateEndpoint": partial(_create, platform),
        "DescribeEndpoint": lambda call: view.describe(_require(platform, call)),
        "ListEndpoints": lambda call: LISTING.page(platform.store, call.scope, call.input),
        "UpdateEndpoint": partial(_update, platform),
        "DeleteEndpoint": partial(_delete, platform),
    }


def expect_routes(platform: Platform) -> None:
    """Before requests are served: let invocations of endpoints in service wait until these are found again."""
    for resource in platform.store.scan(NOUN, {"InService", "Updating"}):
        platform.router.expect(resource.key.scope, resource.key.name)


def _create(platform: Platform, call: Call) -> dict[str, Any]:
    request, name, at = call.input, call.input["EndpointName"], platform.clock.now()
    key = Key(call.scope, NOUN, name)
    if (existing := platform.store.get(key)) is not None:
        raise _duplicate(existing.arn)
    refuse_unbuilt("CreateEndpoint", request, UNBUILT)
    fleet = plan(platform, call.scope, _config(platform, call), at)
    resource = Resource(
        key=key,
        uid=uuid.uuid4().hex,
        arn=arns.sagemaker(call.scope, NOUN, name),
        status="Creating",
        created_at=at,
        modified_at=at,
        request={member: value for member, value in request.items() if member != "Tags"},
    )
    life = Endpoint(phase="creating", coming=fleet)
    try:
        platform.supervisor.begin(resource, life, tagging.from_request(request.get("Tags", ())))
    except AlreadyExists as existing_one:
        raise _duplicate(str(existing_one.args[0])) from None
    return {"EndpointArn": resource.arn}


def _update(platform: Platform, call: Call) -> Mapping[str, Any]:
    resource = _require(platform, call)
    life = view.life_of(resource)
    if life.phase != "serving":
        raise (
            _busy(resource)
            if life.phase != "failed"
            else ValidationException(
                f'Cannot update endpoint "{resource.arn}" in status Failed; delete it and create it again.'
            )
        )
    refuse_unbuilt("UpdateEndpoint", call.input, UNBUILT)
    fleet = plan(platform, call.scope, _config(platform, call), platform.clock.now())
    changed = platform.supervisor.post(resource, UpdateRequested(fleet))
    if changed is None or (coming := view.life_of(changed).coming) is None or coming.id != fleet.id:
        raise _busy(resource)
    return {"EndpointArn": resource.arn}


def _delete(platform: Platform, call: Call) -> None:
    resource = _require(platform, call)
    changed = platform.supervisor.post(resource, DeleteRequested())
    if resource.status == "Deleting" or (changed is not None and changed.status != "Deleting"):
        raise _busy(resource)


def _config(platform: Platform, call: Call) -> Resource:
    return ENDPOINT_CONFIG.find(platform, call.scope, call.input["EndpointConfigName"])


def _require(platform: Platform, call: Call) -> Resource:
    name = call.input["EndpointName"]
    resource = platform.store.get(Key(call.scope, NOUN, name))
    if resource is None:
        raise ValidationException(f'Could not find endpoint "{arns.sagemaker(call.scope, NOUN, name)}".')
    return resource


def _busy(resource: Resource) -> ValidationException:
    return ValidationException(f'Cannot update in-progress endpoint "{resource.arn}".')


def _duplicate(arn: str) -> ValidationException:
    return ValidationException(f'Cannot create already existing endpoint "{arn}".')
