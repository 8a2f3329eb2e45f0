"""The emulator's own small API: health and reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify

HEALTH = "/_emulator/health"
RESETS = ("/_emulator/reset", "/moto-api/reset")


def control(health: Callable[[], Mapping[str, Any]], reset: Callable[[], None]) -> Blueprint:
    """The blueprint; ``health`` answers what ``GET /_emulator/health`` shows, ``reset`` clears all state."""
    blueprint = Blueprint("emulator", __name__)

    def show_health() -> Response:
        return jsonify(dict(health()))

    def run_reset() -> Response:
        reset()
        return jsonify({"status": "ok"})  # moto's own answer, which its test suites look at

    blueprint.add_url_rule(HEALTH, "health", show_health, methods=["GET"])
    for path in RESETS:
        blueprint.add_url_rule(path, path.strip("/").replace("/", "_"), run_reset, methods=["POST"])
    return blueprint
