"""Input channels in File and FastFile mode: a channel's objects become files below ``input/data/<channel>``.

FastFile brings everything down before the container starts, too; only what a prefix may be is stricter. Where
``shared`` says that nobody can write to what is staged, the files may be the stored bytes themselves.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulator.objects.port import ObjectStore
from emulator.optml import sources
from emulator.optml.cluster import Cluster, Host
from emulator.optml.s3uri import S3Uri
from emulator.optml.sources import Found
from emulator.optml.staging import HowFar, StagingError, told

__all__ = ["StagingError", "download_all", "stage"]


def stage(  # noqa: PLR0917 - of what, what, whither, for whom
    store: ObjectStore,
    account: str,
    channel: Mapping[str, Any],
    directory: Path,
    cluster: Cluster,
    host: Host,
    *,
    shared: bool = False,
    mode: str = "File",
) -> None:
    """Bring what ``host`` gets of a channel down into ``directory``, which is made afresh. Raises `StagingError`.

    ``mode`` is File or FastFile (`config.mode_of`). A host that gets nothing of a sharded channel has an empty
    directory; one to which the channel does not go (InstanceGroupNames) has none.
    """
    if directory.exists():  # an interrupted attempt
        shutil.rmtree(directory)
    if host in cluster.receivers(channel):
        found = sources.share(sources.objects(store, account, channel, mode=mode), channel, cluster, host)
        _put_down(store, account, found, directory, HowFar(sources.location(channel)), shared=shared)


def download_all(store: ObjectStore, account: str, source: S3Uri, directory: Path, *, shared: bool = False) -> None:
    """Bring every object below an S3 prefix down into ``directory``, which is made. Raises `StagingError`."""
    _put_down(store, account, sources.below(store, account, source), directory, HowFar(source), shared=shared)


def _put_down(
    store: ObjectStore, account: str, objects: Iterable[Found], directory: Path, far: HowFar, *, shared: bool
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    made = directory
    for found in objects:
        target = directory / found.path
        with told(found.uri):
            if target.parent != made:  # keys come in order, so that most of them lie beside the one before
                made = target.parent
                made.mkdir(parents=True, exist_ok=True)
            store.place(found.uri.bucket, found.uri.key, target, shared=shared, account=account)
        far.count()
    far.tell()
