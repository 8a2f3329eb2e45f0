"""Request metrics: counted per invocation on the event loop, written once a second as statistic sets."""

from __future__ import annotations

import threading
from collections import defaultdict
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
class _Counted:
    """What happened at one endpoint variant since the last write. Filled once per invocation, hence so plain."""

    share: _Tally = field(default_factory=_Tally)
    client_errors: int = 0
    server_errors: int = 0
    model_errors: int = 0
    model_us: _Tally = field(default_factory=_Tally)
    overhead_us: _Tally = field(default_factory=_Tally)

    def add(self, instances: int, status: int, model_us: float, overhead_us: float) -> None:
        self.share.add(1.0 / max(1, instances))
        self.model_us.add(model_us)
        self.overhead_us.add(overhead_us)
        if not 200 <= status < 300:
            self.model_errors += 1
            self.client_errors += 400 <= status < 500
            self.server_errors += status >= 500 or status == 0

    def by_name(self) -> dict[str, _Tally]:
        """The tally of each metric."""
        invocations = self.share.count
        return {
            "Invocations": _ones(invocations, invocations),
            "InvocationsPerInstance": self.share,
            "Invocation4XXErrors": _ones(self.client_errors, invocations),
            "Invocation5XXErrors": _ones(self.server_errors, invocations),
            "InvocationModelErrors": _ones(self.model_errors, invocations),
            "ModelLatency": self.model_us,
            "OverheadLatency": self.overhead_us,
        }


def _ones(ones: int, count: int) -> _Tally:
    """The tally of ``count`` values, of which ``ones`` are 1 and the others 0."""
    return _Tally(float(ones), float(ones == count), float(ones > 0), count)


class Traffic:
    """The metrics CloudWatch shows of endpoint invocations, dimensions EndpointName and VariantName."""

    def __init__(self, sink: MetricSink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._counted: defaultdict[_Key, _Counted] = defaultdict(_Counted)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def record(self, where: _Key, instances: int, status: int, model_us: float, overhead_us: float) -> None:
        """One invocation: the container's HTTP status (0: no answer), microseconds in it and around it."""
        with self._lock:
            self._counted[where].add(instances, status, model_us, overhead_us)
            if self._timer is None:
                self._timer = threading.Timer(_PERIOD, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def clear(self) -> None:
        """Forget what has been counted."""
        with self._lock:
            self._counted.clear()

    def flush(self) -> None:
        """Write what has been counted so far."""
        with self._lock:
            everything, self._counted = self._counted, defaultdict(_Counted)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
        now = self._clock.now()
        for (scope, endpoint, variant), counted in everything.items():
            dimensions = {"EndpointName": endpoint, "VariantName": variant}
            self._sink.put(scope, NAMESPACE, _sets(counted.by_name(), now, dimensions))


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
