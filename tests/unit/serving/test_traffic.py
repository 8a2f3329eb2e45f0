"""Request metrics, from invocations to statistic sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.clock import SystemClock
from emulator.serving.traffic import NAMESPACE, Traffic
from emulator.sinks.port import StatisticSet

SCOPE = Scope("123456789012", "us-east-1")
WHERE = (SCOPE, "shop", "All")


class Sink:
    """Keeps what is put, by metric name."""

    def __init__(self) -> None:
        self.puts: list[dict[str, StatisticSet]] = []

    def put(self, scope: Scope, namespace: str, data: Sequence[Any]) -> None:
        assert (scope, namespace) == (SCOPE, NAMESPACE)
        self.puts.append({one.name: one for one in data})


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def traffic(sink: Sink) -> Iterator[Traffic]:
    made = Traffic(sink, SystemClock())
    yield made
    made.flush()  # ends its timer


def numbers(found: StatisticSet) -> tuple[float, float, float, float]:
    return found.total, found.minimum, found.maximum, found.count


def test_each_metric_has_sum_extremes_and_count_of_its_values(traffic: Traffic, sink: Sink) -> None:
    for status, latency in ((200, 10.0), (400, 30.0), (503, 20.0), (0, 40.0)):
        traffic.record(WHERE, 2, status, latency, latency / 10)
    traffic.flush()
    assert {name: numbers(found) for name, found in sink.puts[0].items()} == {
        "Invocations": (4, 1, 1, 4),
        "InvocationsPerInstance": (2, 0.5, 0.5, 4),
        "Invocation4XXErrors": (1, 0, 1, 4),
        "Invocation5XXErrors": (2, 0, 1, 4),
        "InvocationModelErrors": (3, 0, 1, 4),
        "ModelLatency": (100, 10, 40, 4),
        "OverheadLatency": (10, 1, 4, 4),
    }
    assert {found.unit for name, found in sink.puts[0].items() if name.endswith("Latency")} == {"Microseconds"}


def test_errors_of_every_invocation_have_one_as_their_minimum(traffic: Traffic, sink: Sink) -> None:
    traffic.record(WHERE, 1, 404, 10.0, 1.0)
    traffic.flush()
    assert numbers(sink.puts[0]["Invocation4XXErrors"]) == (1, 1, 1, 1)
    assert numbers(sink.puts[0]["Invocation5XXErrors"]) == (0, 0, 0, 1)


def test_variants_are_counted_apart(traffic: Traffic, sink: Sink) -> None:
    traffic.record(WHERE, 1, 200, 10.0, 1.0)
    traffic.record((SCOPE, "shop", "Canary"), 1, 200, 10.0, 1.0)
    traffic.flush()
    names = [put["Invocations"].dimensions for put in sink.puts]
    assert names == [{"EndpointName": "shop", "VariantName": name} for name in ("All", "Canary")]


def test_what_was_written_is_not_written_again(traffic: Traffic, sink: Sink) -> None:
    traffic.record(WHERE, 1, 200, 10.0, 1.0)
    traffic.flush()
    traffic.flush()
    assert len(sink.puts) == 1
