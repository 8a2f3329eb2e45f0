"""Output as it is: a tree of files in S3, where OutputDataConfig.CompressionType is NONE."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from emulator.objects.port import ObjectStore
from emulator.optml import tree
from emulator.optml.s3uri import S3Uri


def upload_tree(
    store: ObjectStore, account: str, directories: Sequence[Path], target: S3Uri, kms_key_id: str | None = None
) -> None:
    """Upload the files below some directories, as if they were one (`tree.merged`), to below ``target``.

    S3 has neither empty directories nor links, so those are left out. Raises ObjectError and OSError.
    """
    for entry in tree.merged(directories):
        if entry.is_file:
            key = target.join(key_of(entry.name)).key
            with entry.open() as body:
                store.put(target.bucket, key, body, kms_key_id=kms_key_id, account=account)


def key_of(name: str) -> str:
    """A file's name as a part of a key. Raises OSError when it is not UTF-8, which keys must be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise OSError(errno.EILSEQ, f"the file name {name!r} is not UTF-8") from None
    return name
