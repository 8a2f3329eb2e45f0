"""Input channels in Pipe mode: what is to be fed lies beside ``ml``, and the first pipe below ``input/data``.

The objects are placed as files, numbered, which costs no copies where the file system can link: only the feeder reads
them. ``order`` says in what order they come, a line for each item: a JSON array of texts, and of objects as
``[number, URI]``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.objects.port import ObjectStore
from emulator.optml import augmented, feeding, sources
from emulator.optml.augmented import Line
from emulator.optml.cluster import Cluster, Host
from emulator.optml.feeder import LONGEST_RECORD
from emulator.optml.layout import Layout
from emulator.optml.s3uri import S3Uri
from emulator.optml.staging import HowFar, StagingError, told


def stage(  # noqa: PLR0917 - of what, what, whither, for whom
    store: ObjectStore, account: str, channel: Mapping[str, Any], layout: Layout, cluster: Cluster, host: Host
) -> None:
    """Make ready what ``host`` gets of a channel, afresh, and its first pipe. Raises `StagingError` and OSError.

    Nothing flows before `feeding.start`. A host to which the channel does not go gets nothing.
    """
    if host not in cluster.receivers(channel):
        return
    name = channel["ChannelName"]
    items = layout.pipes / name
    if items.exists():  # an interrupted attempt
        shutil.rmtree(items)
    items.mkdir(parents=True)
    plan = {
        "name": name,
        "items": str(items),
        "seed": channel.get("ShuffleConfig", {}).get("Seed"),
        "gzip": channel.get("CompressionType") == "Gzip",
        "records": channel.get("RecordWrapperType") == "RecordIO",
    }
    mine = sources.share(_lines(store, account, channel), channel, cluster, host)
    placing = _Placing(store, account, items, limit=None if plan["gzip"] or not plan["records"] else LONGEST_RECORD)
    placing.all(mine, HowFar(sources.location(channel)))
    _make_pipe(layout.data / f"{name}_0")
    feeding.add(layout, plan)


def _lines(store: ObjectStore, account: str, channel: Mapping[str, Any]) -> Iterator[Line]:
    if channel["DataSource"]["S3DataSource"]["S3DataType"] == "AugmentedManifestFile":
        return augmented.lines(store, account, channel)
    return (Line((found.uri,), "") for found in sources.objects(store, account, channel))


class _Placing:
    """Places the objects of lines in ``directory``. ``limit``: bytes that an object may have."""

    def __init__(self, store: ObjectStore, account: str, directory: Path, *, limit: int | None) -> None:
        self._store = store
        self._account = account
        self._directory = directory
        self._limit = limit
        self._placed = 0

    def all(self, lines: Iterable[Line], far: HowFar) -> None:
        with (self._directory / "order").open("w", encoding="utf-8") as order:
            for line in lines:
                order.write(json.dumps([self._part(part, line.where) for part in line.parts]) + "\n")
                far.count()
        far.tell()

    def _part(self, part: S3Uri | str, where: str) -> str | tuple[int, str]:
        if isinstance(part, str):
            return part
        number, target = self._placed, self._directory / str(self._placed)
        with told(f"{part} ({where})" if where else part):
            self._store.place(part.bucket, part.key, target, shared=True, account=self._account)
            size = target.stat().st_size
        if self._limit is not None and size > self._limit:
            raise StagingError(f"{part} has {size} bytes, and a RecordIO record takes {self._limit} at most")
        self._placed += 1
        return number, str(part)


def _make_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    path.chmod(0o666)  # past the umask: an image may run as any user
