"""The LogSink over moto's CloudWatch Logs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any

from emulator.arns import Scope
from emulator.sinks.port import Line, Stamped, milliseconds


class Logs:
    """Writes straight into moto's backend. What is done inside ``changing`` is durable when that ends."""

    def __init__(self, changing: Callable[[], AbstractContextManager[None]]) -> None:
        self._changing = changing
        self._lock = threading.Lock()  # moto's streams have none

    def write(self, scope: Scope, group: str, stream: str, lines: Sequence[Line]) -> None:
        # Sorted, as CloudWatch wants a batch; the sort is stable, so lines of one moment keep their order.
        events = sorted(({"timestamp": milliseconds(line.at), "message": line.text} for line in lines), key=_moment)
        with self._changing(), self._lock:
            backend = _backend(scope)
            backend.ensure_log_group(group)
            backend.ensure_log_stream(group, stream)
            if events:
                # Past the fourteen days and two hours that PutLogEvents accepts: what a container said is never
                # dropped, whatever its clock says.
                backend.groups[group].put_log_events(stream, events)

    def written(self, scope: Scope, group: str, stream: str) -> Collection[Stamped]:
        with self._changing(), self._lock:
            held = _backend(scope).groups.get(group)
            found = held.streams.get(stream) if held is not None else None
            return [(event.timestamp, event.message) for event in found.events] if found is not None else []


def _backend(scope: Scope) -> Any:
    from moto.logs.models import logs_backends

    return logs_backends[scope.account][scope.region]


def _moment(event: dict[str, Any]) -> int:
    moment: int = event["timestamp"]
    return moment
