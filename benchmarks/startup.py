"""From the start of the process to the first good answer, and what it then holds in memory."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.server import MotoServer, Server, fresh_emulator

READY = Target("value", 1.5)
MEMORY = Target("value", 110)
_REFERENCE = "moto_server"


def measure(plan: Plan) -> Iterable[Figure]:
    """Start each engine's emulator and moto's server in turn."""
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in plan.each_round("start"):
        for engine in plan.engines:
            with fresh_emulator(engine) as emulator:
                found.setdefault(engine, []).append(_observed(emulator))
        with MotoServer() as server:
            found.setdefault(_REFERENCE, []).append(_observed(server))
    seconds, megabytes = _medians(found[_REFERENCE])
    for engine in plan.engines:
        ready, resident = _medians(found[engine])
        yield Figure(f"start to ready, {engine}", "s", ready, _REFERENCE, seconds, READY)
        yield Figure(f"memory when idle, {engine}", "MB", resident, _REFERENCE, megabytes, MEMORY)


def _observed(server: Server) -> tuple[float, float]:
    return server.seconds_to_answer, server.idle_memory()


def _medians(rounds: Iterable[tuple[float, float]]) -> tuple[float, float]:
    ready, resident = zip(*rounds, strict=True)
    return median(ready), median(resident)
