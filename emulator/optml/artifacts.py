"""Artifacts that go to S3 as they are: OutputDataConfig.CompressionType NONE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.objects.port import ObjectStore
from emulator.optml.files import opened, regular_files
from emulator.optml.s3uri import S3Uri


def upload_tree(
    store: ObjectStore,
    account: str,
    directories: Sequence[Path],
    target: S3Uri,
    *,
    kms_key_id: str | None = None,
) -> None:
    """Write every ordinary file below ``directories`` to its path below ``target``; links are left out.

    Of files with one path in several directories that of the first one is written, as in `archive.pack`. Raises
    ObjectError and OSError.
    """
    written: set[str] = set()
    for directory in directories:
        for path, _ in regular_files(directory):
            if path in written or (body := opened(directory / path)) is None:
                continue
            with body:
                key = target.join(path).key
                store.put(target.bucket, key, body, kms_key_id=kms_key_id, account=account)
            written.add(path)
