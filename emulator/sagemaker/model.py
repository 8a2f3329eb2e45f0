"""Models: an inference image paired with model artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.arns import Scope
from emulator.aws.wire import Call
from emulator.errors import ValidationException
from emulator.objects.port import ObjectError
from emulator.sagemaker.checks import Unbuilt, refuse_unbuilt, require_role, require_s3_uri
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.records import Record


def containers(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The container definitions of a CreateModel request, wherever it puts them."""
    primary = request.get("PrimaryContainer")
    return [primary] if primary is not None else list(request.get("Containers", ()))


def data_location(container: Mapping[str, Any]) -> tuple[str, str, bool] | None:
    """Where a container's model data lies: its S3 URI, ``S3Object`` or ``S3Prefix``, and whether it is a tar.gz."""
    if "ModelDataUrl" in container:
        return container["ModelDataUrl"], "S3Object", True
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return None
    return source["S3Uri"], source["S3DataType"], source.get("CompressionType", "None") == "Gzip"


def _any(request: Mapping[str, Any], member: str) -> bool:
    return any(member in container for container in containers(request))


UNBUILT: tuple[Unbuilt, ...] = (
    ("several containers", lambda r: len(containers(r)) > 1),
    ("multi-model containers", lambda r: any(c.get("Mode", "SingleModel") != "SingleModel" for c in containers(r))),
    ("model packages", lambda r: _any(r, "ModelPackageName")),
    ("AdditionalModelDataSources", lambda r: _any(r, "AdditionalModelDataSources")),
    ("network isolation", lambda r: bool(r.get("EnableNetworkIsolation"))),
)


def _check(platform: Platform, call: Call) -> None:
    request = call.input
    if ("PrimaryContainer" in request) == bool(request.get("Containers")):
        raise ValidationException("You must provide exactly one of PrimaryContainer and Containers.")
    refuse_unbuilt("CreateModel", request, UNBUILT)
    for container in containers(request):
        if "Image" not in container:
            raise ValidationException("A container definition must have an Image.")
        if "ModelDataUrl" in container and "ModelDataSource" in container:
            raise ValidationException("A container definition can have ModelDataUrl or ModelDataSource, not both.")
    if "ExecutionRoleArn" in request:
        require_role(platform, request["ExecutionRoleArn"])
    for container in containers(request):
        _check_data(platform, call.scope, container)


def _check_data(platform: Platform, scope: Scope, container: Mapping[str, Any]) -> None:
    location = data_location(container)
    if location is None:
        return
    url, kind, compressed = location
    uri = require_s3_uri(url, "primaryContainer.modelDataUrl")
    if kind == "S3Prefix" and (compressed or not uri.key.endswith("/")):
        raise ValidationException(f"The S3 prefix {url} must end with a slash and hold uncompressed files.")
    try:
        found = next(iter(platform.objects.list(uri.bucket, uri.key, account=scope.account)), None)
    except ObjectError:
        found = None
    if found is None or (kind == "S3Object" and found.key != uri.key):
        raise ValidationException(f"Could not find model data at {url}.")


def _defaults(request: Mapping[str, Any]) -> Mapping[str, Any]:
    shown: dict[str, Any] = {"EnableNetworkIsolation": request.get("EnableNetworkIsolation", False)}
    if "PrimaryContainer" in request:
        shown["PrimaryContainer"] = {"Mode": "SingleModel", **request["PrimaryContainer"]}
    return shown


MODEL = Record("model", "Model", "model", "Models", _check, _defaults)
