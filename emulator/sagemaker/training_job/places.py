"""Where the files of a job's hosts lie on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Any

from emulator.engines.port import Mount
from emulator.optml.config import CHECKPOINTS
from emulator.optml.layout import Layout
from emulator.optml.mirror import Mirror
from emulator.optml.s3uri import S3Uri, parse
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job.view import life_of
from emulator.sagemaker.training_job.warm_pool.machine import NOUN as POOL
from emulator.state.store import Resource

FIRST_HOST = "algo-1"

_OWN_DEPTH = 2

_TENSORS = "/opt/ml/output/tensors"
_TENSORBOARD = "/opt/ml/output/tensorboard"
"""Where the API documents that a container leaves these when the request does not say."""

_ML = PurePosixPath("/opt/ml")
_MOUNTED = frozenset({"input", "model", "output", "checkpoints"})
"""The children of /opt/ml that a container finds as directories of its host."""


def layouts(platform: Platform, resource: Resource) -> dict[str, Layout]:
    """Each host's directory; that of a container which waited for the job is where it waited."""
    life = life_of(resource)
    if life.pool is not None and life.pool.container is not None:
        return {FIRST_HOST: Layout(pool_directory(platform, life.pool.uid))}
    directory = platform.directory(resource)
    if Layout(directory).made:  # a job of schema 1, which had one host and is still under way
        return {FIRST_HOST: Layout(directory)}
    return {host: Layout(directory / host) for host in life.terms.hosts}


def pool_directory(platform: Platform, uid: str) -> Path:
    """The directory of the container that waits in a warm pool."""
    return platform.work / POOL / uid / FIRST_HOST


def local(layout: Layout, inside: str) -> Path:
    """The directory of this machine that a container sees at the absolute path ``inside``."""
    path = PurePosixPath(inside)
    below = path.relative_to(_ML).parts if path.is_relative_to(_ML) else ()
    # Deeper down the container could put a link in its way, to anywhere on this machine.
    if below and below[0] in _MOUNTED and len(below) <= _OWN_DEPTH:
        return layout.ml.joinpath(*below)
    return layout.root / "mounts" / hashlib.sha256(str(path).encode()).hexdigest()[:16]


def synced(resource: Resource) -> dict[str, S3Uri]:
    """The directories of a container that S3 is to hold as they are, and where."""
    request, name = resource.request, resource.key.name
    hook, board = request.get("DebugHookConfig", {}), request.get("TensorBoardOutputConfig", {})
    # The last parts are those under which the SDK looks for them (Estimator.latest_job_..._artifacts_path).
    wanted: list[tuple[str, str | None, tuple[str, ...]]] = [
        (checkpoint_path(request), request.get("CheckpointConfig", {}).get("S3Uri"), ()),
        (hook.get("LocalPath", _TENSORS), hook.get("S3OutputPath"), (name, "debug-output")),
        (board.get("LocalPath", _TENSORBOARD), board.get("S3OutputPath"), (name, "tensorboard-output")),
    ]
    found = [(inside, parse(uri), parts) for inside, uri, parts in wanted if uri]
    return {inside: uri.join(*parts) for inside, uri, parts in found if uri is not None}


def mirrors(platform: Platform, resource: Resource, layout: Layout) -> dict[str, Mirror]:
    """What keeps the synced directories of a host in step with S3."""
    objects, account = platform.objects, resource.key.scope.account
    return {
        inside: Mirror(objects, account, local(layout, inside), target, layout.root / f"synced-{number}")
        for number, (inside, target) in enumerate(synced(resource).items())
    }


def checkpoint_path(request: Any) -> str:
    """Where the container has its checkpoints."""
    path: str = request.get("CheckpointConfig", {}).get("LocalPath") or CHECKPOINTS
    return path


def mounts(layout: Layout, resource: Resource) -> list[Mount]:
    """The synced directories that are not below what the container has anyway."""
    places = {inside: local(layout, inside) for inside in synced(resource)}
    return [Mount(inside, place) for inside, place in places.items() if not place.is_relative_to(layout.ml)]
