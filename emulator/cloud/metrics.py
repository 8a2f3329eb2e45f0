"""The MetricSink over moto's CloudWatch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from emulator.arns import Scope
from emulator.sinks.port import Datum, StatisticSet


class Metrics:
    """Writes straight into moto's backend. ``ready`` makes moto ready."""

    def __init__(self, ready: Callable[[], Any]) -> None:
        self._ready = ready

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum | StatisticSet]) -> None:
        self._ready()
        from moto.cloudwatch.models import cloudwatch_backends

        cloudwatch_backends[scope.account][scope.region].put_metric_data(namespace, [_member(datum) for datum in data])


def _member(datum: Datum | StatisticSet) -> dict[str, Any]:
    return {
        "MetricName": datum.name,
        # moto compares with naive times in UTC
        "Timestamp": datetime.fromtimestamp(datum.at, UTC).replace(tzinfo=None),
        "Dimensions": [{"Name": name, "Value": value} for name, value in datum.dimensions.items()],
        "Unit": datum.unit,
        **_values(datum),
    }


def _values(datum: Datum | StatisticSet) -> dict[str, Any]:
    if isinstance(datum, Datum):
        return {"Value": datum.value}
    statistics = {
        "Sum": datum.total,
        "Minimum": datum.minimum,
        "Maximum": datum.maximum,
        "SampleCount": datum.count,
    }
    return {"StatisticValues": statistics}
