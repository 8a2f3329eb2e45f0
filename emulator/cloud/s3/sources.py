"""The sources of copies: read for their digests before the copy's turn, so that nobody waits for that.

Bodies never change, and what was read is known of the body. Where the source is another object when the turn has come,
the copy reads that one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from moto.s3.exceptions import InvalidRange
from moto.s3.models import FakeKey, s3_backends

from emulator.cloud.s3 import multipart, requests
from emulator.cloud.s3.memory import held_bucket
from emulator.cloud.s3.reception import Part
from emulator.cloud.s3.values import digests_of
from emulator.objects.checksum import ALGORITHMS


def digest(environ: Mapping[str, Any], part: Part | None) -> None:
    """Learn what a copy, into ``part`` where it is one of a part, will need. Raises `Damaged`.

    What cannot be copied is left for moto to refuse.
    """
    if "uploadId" not in requests.query(environ):
        digest_for_copy(environ)
        return
    source = _source(environ)
    if source is not None and part is not None:
        with contextlib.suppress(InvalidRange):
            multipart.cut_claim(source, *requests.copied_range(environ), part.algorithm)


def digest_for_copy(environ: Mapping[str, Any]) -> None:
    """Read the source of a CopyObject at most once, for its MD5 and every checksum that the copy will show."""
    source = _source(environ)
    if source is None:
        return
    algorithms = {"MD5", str(environ.get("HTTP_X_AMZ_CHECKSUM_ALGORITHM", "")).upper()}
    if source.checksum_type == "COMPOSITE":
        algorithms.add(source.checksum_algorithm or "")  # a copy has one of all its bytes
    digests_of(source, *(algorithms & ALGORITHMS))


def _source(environ: Mapping[str, Any]) -> FakeKey | None:
    name, key, version = requests.copy_source(environ)
    bucket = held_bucket(name)
    if bucket is None:
        return None
    return s3_backends[bucket.account_id][bucket.partition].get_object(name, key, version_id=version)
