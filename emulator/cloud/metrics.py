"""The MetricSink over moto's CloudWatch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from emulator.arns import Scope
from emulator.sinks.port import Datum, Stamped, StatisticSet, milliseconds


class Metrics:
    """Writes straight into moto's backend. What is done inside ``changing`` is durable when that ends."""

    def __init__(self, changing: Callable[[], AbstractContextManager[None]]) -> None:
        self._changing = changing

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum | StatisticSet]) -> None:
        with self._changing():
            from moto.cloudwatch.models import cloudwatch_backends

            backend = cloudwatch_backends[scope.account][scope.region]
            backend.put_metric_data(namespace, [_member(datum) for datum in data])

    def recorded(self, scope: Scope, namespace: str, dimensions: Mapping[str, str]) -> Collection[Stamped]:
        with self._changing():
            from moto.cloudwatch.models import cloudwatch_backends

            data = list(cloudwatch_backends[scope.account][scope.region].metric_data)
            return [
                (milliseconds(datum.timestamp.replace(tzinfo=UTC).timestamp()), datum.name)
                for datum in data
                if datum.namespace == namespace and {each.name: each.value for each in datum.dimensions} == dimensions
            ]


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
