"""After a job's containers: model and output to S3, of all hosts together."""

from __future__ import annotations

from pathlib import Path

from emulator.engines.port import EngineClosed, EngineError, Handle
from emulator.machines.machine import Event, Failed
from emulator.objects.port import ObjectError
from emulator.optml import archive, artifacts
from emulator.optml.layout import Layout
from emulator.optml.s3uri import S3Uri
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import places
from emulator.sagemaker.training_job.attending import LEFT_BEHIND
from emulator.sagemaker.training_job.events import Uploaded
from emulator.sagemaker.training_job.view import life_of, output_location
from emulator.sagemaker.watching import Watcher
from emulator.state.store import Resource


class Uploading:
    """Carries out Upload."""

    def __init__(self, platform: Platform, watcher: Watcher) -> None:
        self._platform = platform
        self._watcher = watcher

    def upload(self, resource: Resource) -> Event:
        """Write what the containers left."""
        layouts = list(places.layouts(self._platform, resource).values())
        if not all(layout.made for layout in layouts):
            return Failed(LEFT_BEHIND)
        try:
            # Removing first gives files that a container made as root to the invoking user, who packs them.
            for container in life_of(resource).containers.values():
                self._remove(container)
            self._write(resource, layouts)
        except EngineClosed:
            raise
        except (ObjectError, EngineError) as error:
            return Failed(f"ClientError: Artifact upload failed:{error}")
        except OSError as error:
            return Failed(f"ClientError: Artifact upload failed:{error.strerror}")
        return Uploaded()

    def _write(self, resource: Resource, layouts: list[Layout]) -> None:
        target = output_location(resource)
        parts = {"model": [layout.model for layout in layouts], "data": [layout.output / "data" for layout in layouts]}
        if resource.request["OutputDataConfig"].get("CompressionType", "GZIP") == "NONE":
            for name, directories in parts.items():
                self._put_files(resource, target.join(name), directories)
        else:
            self._put_archive(resource, target.join("model.tar.gz"), parts["model"])
            self._put_archive(resource, target.join("output.tar.gz"), parts["data"])

    def _put_archive(self, resource: Resource, target: S3Uri, directories: list[Path]) -> None:
        account = resource.key.scope.account
        with archive.packed(*directories) as body:
            self._platform.objects.put(target.bucket, target.key, body, kms_key_id=_kms_key(resource), account=account)

    def _put_files(self, resource: Resource, target: S3Uri, directories: list[Path]) -> None:
        account = resource.key.scope.account
        artifacts.upload_tree(self._platform.objects, account, directories, target, kms_key_id=_kms_key(resource))

    def _remove(self, container: Handle) -> None:
        self._watcher.patiently(lambda: self._platform.engine.remove(container))


def _kms_key(resource: Resource) -> str | None:
    return resource.request["OutputDataConfig"].get("KmsKeyId") or None
