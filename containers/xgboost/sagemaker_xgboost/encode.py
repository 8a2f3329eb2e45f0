"""Predictions as response bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sagemaker_container import media

from sagemaker_xgboost.predictor import Predictions

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"
SUPPORTED = [JSON, JSON_LINES, RECORDIO, CSV]


def accepted(header: str | None, default: str | None) -> str:
    """The media type to answer with; ``default`` (else CSV) when the client does not care. Raises ValueError."""
    name, _ = media.parse(header or "")
    if name in ("", "*/*"):
        return default or CSV
    if name not in SUPPORTED:
        raise ValueError(f"Accept type {name} is not supported. Please use supported accept types: {SUPPORTED}.")
    return name


def predictions(values: Predictions, accept: str, batch: bool) -> str:
    """Plain predictions. Raises ValueError for a media type that is not built.

    AWS's image fails on JSON Lines unless output is selected; here each line is what JSON has in ``predictions``.
    """
    rows = values.tolist()
    if accept == CSV:
        return "".join(f"{_csv_row(row, batch)}\n" for row in rows)
    return _json([{"score": row} for row in rows], accept)


def _json(items: Sequence[Mapping[str, Any]], accept: str) -> str:
    if accept == JSON:
        return json.dumps({"predictions": items})
    if accept == JSON_LINES:
        return "".join(f"{json.dumps(item)}\n" for item in items)
    raise ValueError(f"Accept type {accept} is not built in this emulator's XGBoost image.")


def _csv_row(row: Any, batch: bool) -> str:
    """Several values of a row are separated by commas, but in batch transform AWS prints a Python list."""
    return ",".join(map(str, row)) if isinstance(row, list) and not batch else str(row)


def selected(items: Sequence[Mapping[str, Any]], accept: str, batch: bool) -> str:
    """Selected output (see `selection`). Raises ValueError for a media type that is not built."""
    if accept == CSV:
        lines = (",".join(_csv_field(value) for value in item.values()) for item in items)
        return "\n".join(lines) + ("\n" if batch else "")
    return _json(items, accept)


def _csv_field(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)
