"""Lives of training jobs as databases of schema 1 hold them: one host, one attempt, no queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HOST = "algo-1"


def brought_up(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state of a life as it is stored now."""
    return state if "terms" in state else _of_schema_1(state)


def _of_schema_1(state: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in state.items() if name not in ("max_runtime", "log_stream", "container")}
    container, phase = state.get("container"), state["phase"]
    started, ended = state.get("started_at"), state.get("ended_at")
    return {
        **kept,
        "terms": {"hosts": [_HOST], "max_runtime": state["max_runtime"]},
        "log_epoch": int(state["log_stream"].rpartition("-")[2]),
        "resumed_at": None if phase == "done" else started,
        "spent": ended - started if started is not None and ended is not None else 0.0,
        "containers": {_HOST: container} if container else {},
        "ended": [_HOST] if container and phase in ("uploading", "done") else [],
    }
