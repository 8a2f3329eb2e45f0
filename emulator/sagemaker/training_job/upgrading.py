"""Lives of jobs that an emulator stored which knew one host, one attempt and no queue (schema version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HOST = "algo-1"


def upgraded(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state document as it is stored today."""
    if "terms" in state:
        return state
    kept = {name: value for name, value in state.items() if name not in ("max_runtime", "log_stream", "container")}
    started, ended, container = state.get("started_at"), state.get("ended_at"), state.get("container")
    return {
        **kept,
        "terms": {"hosts": [_HOST], "max_runtime": state["max_runtime"]},
        "log_epoch": int(state["log_stream"].rpartition("-")[2]),
        "resumed_at": started if ended is None else None,
        "spent": ended - started if started is not None and ended is not None else 0.0,
        "containers": {} if container is None else {_HOST: container},
    }
