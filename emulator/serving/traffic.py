"""Request metrics: counted per invocation on the event loop, written once a second as statistic sets."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.arns import Scope
from emulator.clock import Clock
from emulator.sinks.port import MetricSink, StatisticSet

NAMESPACE = "AWS/SageMaker"

_PERIOD = 1.0

_Key = tuple[Scope, str, str]


@dataclass(slots=True)
class _Tally:
    """Sum, extremes and number of one metric's values."""

    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        self.count += 1


@dataclass(slots=True)
class _Tallies:
    """The metrics of one endpoint variant since the last write."""

    by_name: dict[str, _Tally] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.by_name.setdefault(name, _Tally()).add(value)


class Traffic:
    """The metrics CloudWatch shows of endpoint invocations, dimensions EndpointName and VariantName."""

    def __init__(self, sink: MetricSink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._tallies: dict[_Key, _Tallies] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def record(self, where: _Key, instances: int, status: int, model_us: float, overhead_us: float) -> None:
        """One invocation: the container's HTTP status (0: no answer), microseconds in it and around it."""
        with self._lock:
            tallies = self._tallies.setdefault(where, _Tallies())
            tallies.add("Invocations", 1.0)
            tallies.add("InvocationsPerInstance", 1.0 / max(1, instances))
            tallies.add("Invocation4XXErrors", float(400 <= status < 500))
            tallies.add("Invocation5XXErrors", float(status >= 500 or status == 0))
            tallies.add("InvocationModelErrors", float(not 200 <= status < 300))
            tallies.add("ModelLatency", model_us)
            tallies.add("OverheadLatency", overhead_us)
            if self._timer is None:
                self._timer = threading.Timer(_PERIOD, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what has been counted so far."""
        with self._lock:
            tallies, self._tallies = self._tallies, {}
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
        now = self._clock.now()
        for (scope, endpoint, variant), counted in tallies.items():
            dimensions = {"EndpointName": endpoint, "VariantName": variant}
            self._sink.put(scope, NAMESPACE, _sets(counted.by_name, now, dimensions))


def _sets(counted: Mapping[str, _Tally], at: float, dimensions: Mapping[str, str]) -> list[StatisticSet]:
    return [
        StatisticSet(
            name,
            tally.total,
            tally.least,
            tally.most,
            tally.count,
            at,
            dimensions,
            "Microseconds" if name.endswith("Latency") else "None",
        )
        for name, tally in counted.items()
    ]
