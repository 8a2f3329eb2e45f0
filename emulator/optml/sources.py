"""What a channel's S3DataSource means: which objects, where each lies below the channel, and which host gets it.

Everything is streamed: a channel of a hundred thousand objects takes no more memory than one of ten.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from emulator.objects.port import ObjectStore
from emulator.optml import manifest
from emulator.optml.cluster import Cluster, Host
from emulator.optml.s3uri import S3Uri, parse
from emulator.optml.staging import StagingError, told

T = TypeVar("T")

# The service's words as far as they are known; the last sentence goes on, in words that nobody has quoted.
PARTIAL_PREFIX = (
    "Failed to download data. For FastFile mode, partial S3 prefix is not supported. "
    "S3 prefix has to end with a full file or folder. Add a trailing '/'"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One object, and where it lies below its channel's directory."""

    uri: S3Uri
    path: PurePosixPath


def location(channel: Mapping[str, Any]) -> S3Uri:
    """The channel's S3Uri, taken apart."""
    uri = parse(channel["DataSource"]["S3DataSource"]["S3Uri"])
    assert uri is not None, "the request's S3 URIs were checked when the job was created"
    return uri


def objects(store: ObjectStore, account: str, channel: Mapping[str, Any], *, mode: str = "File") -> Iterator[Found]:
    """The objects of an S3Prefix or ManifestFile channel, for all hosts together. Raises `StagingError`."""
    source = location(channel)
    if channel["DataSource"]["S3DataSource"].get("S3DataType") == "ManifestFile":
        return listed(store, account, source)
    return below(store, account, source, whole=mode == "FastFile", needed=True)


def below(
    store: ObjectStore, account: str, prefix: S3Uri, *, whole: bool = False, needed: bool = False
) -> Iterator[Found]:
    """The objects whose keys begin with a prefix, in the order of keys; "folder" objects are skipped.

    ``whole``: the prefix must be all of a key, or of a folder's name. ``needed``: there must be such keys. A job would
    else train on nothing, if they were deleted after it was created. Raises `StagingError`.
    """
    empty = True
    with told(prefix):
        for found in store.list(prefix.bucket, prefix.key, account=account):
            empty = False
            if whole and not _is_whole(prefix.key, found.key):
                raise StagingError(PARTIAL_PREFIX)
            if not found.key.endswith("/"):
                yield Found(S3Uri(prefix.bucket, found.key), local_path(prefix.key, found.key))
    if needed and empty:
        raise StagingError(f"there are no objects below {prefix} any more")


def _is_whole(prefix: str, key: str) -> bool:
    return not prefix or prefix.endswith("/") or key == prefix or key.startswith(f"{prefix}/")


def listed(store: ObjectStore, account: str, uri: S3Uri) -> Iterator[Found]:
    """The objects that a manifest names, in its order; whether they exist is not looked at. Raises `StagingError`."""
    try:
        with told(uri), store.open(uri.bucket, uri.key, account=account) as body:
            elements = manifest.elements(body)
            prefix = manifest.prefix_of(elements)
            base, empty = parse(prefix), True
            if base is None:
                raise manifest.BadManifest(f"its prefix {prefix!r} is no S3 URI")
            for suffix in manifest.suffixes(elements):
                empty = False
                yield _named(base, prefix, suffix)
    except manifest.BadManifest as error:
        raise StagingError(f"the manifest {uri} cannot be used: {error}") from None
    if empty:
        yield from below(store, account, base, needed=True)


def _named(base: S3Uri, prefix: str, suffix: str) -> Found:
    """Prefix and suffix, put together as they are."""
    uri = parse(prefix + suffix)
    if uri is None or uri.bucket != base.bucket:
        raise manifest.BadManifest(f"with the suffix {suffix!r} its prefix names another bucket; end it with a slash")
    if uri.key.endswith("/"):
        raise manifest.BadManifest(f"the suffix {suffix!r} names a folder; name each of its objects")
    return Found(uri, _path(suffix, uri.key))


def local_path(prefix: str, key: str) -> PurePosixPath:
    """Where an object of a prefix lies below its channel's directory.

    The prefix is a string, not a folder: everything up to its last slash is removed, so ``data/train`` puts
    ``data/train/x.csv`` and ``data/train.csv`` at ``x.csv`` and ``train.csv``. Raises `StagingError` for a key
    that would leave the directory.
    """
    if key == prefix:
        return _path(key.rsplit("/", 1)[-1], key)
    if key.startswith(f"{prefix}/"):
        return _path(key[len(prefix) + 1 :], key)
    return _path(key[prefix.rfind("/") + 1 :], key)


def _path(relative: str, key: str) -> PurePosixPath:
    path = PurePosixPath(relative.lstrip("/"))
    if ".." in path.parts or not path.parts or not can_be_a_name(relative):
        raise StagingError(f"the key {key!r} does not name a file in its channel; rename the object")
    return path


def can_be_a_name(text: str) -> bool:
    """Whether a file system takes it: a manifest can spell a zero byte and half a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def share(items: Iterable[T], channel: Mapping[str, Any], cluster: Cluster, host: Host) -> Iterator[T]:
    """What ``host`` gets of a channel's items: nothing, all of them, or its share when they are sharded.

    ShuffleConfig decides in a sharded channel which host gets what, by its seed.
    """
    receivers = cluster.receivers(channel)
    if host not in receivers:
        return iter(())
    if channel["DataSource"]["S3DataSource"].get("S3DataDistributionType") != "ShardedByS3Key":
        return iter(items)
    seed = channel.get("ShuffleConfig", {}).get("Seed")
    return dealt(items, len(receivers), receivers.index(host), seed)


def dealt(items: Iterable[T], hosts: int, number: int, seed: int | None = None) -> Iterator[T]:
    """The items of host ``number`` when they are dealt out like cards, one to each host in each round.

    Which one a host gets in a round is its number, or by lot with a seed. So two hosts' shares differ by one item at
    most, and every host can find out its own share without knowing the others.
    """
    order, lot = list(range(hosts)), random.Random(seed)  # noqa: S311 - to be foreseen, not secret
    for index, item in enumerate(items):
        turn = index % hosts
        if seed is not None and turn == 0:
            lot.shuffle(order)
        if order[turn] == number:
            yield item
