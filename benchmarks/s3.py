"""S3: what it moves and remembers, beside moto's own server; and what its traffic does to jobs and endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks import beside_upload, s3_keys, s3_small, s3_transfer, staging
from benchmarks.figure import Figure
from benchmarks.plan import Plan


def measure(plan: Plan) -> Iterable[Figure]:
    """S3 alone is the same on each engine and is measured on the first; the others take part where they matter."""
    for engine in list(plan.engines)[:1]:
        yield from s3_transfer.measure(plan, engine)
        yield from s3_small.measure(plan, engine)
        yield from s3_keys.measure(plan, engine)
    yield from staging.measure(plan)
    yield from beside_upload.measure(plan)
