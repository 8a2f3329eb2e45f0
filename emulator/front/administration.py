"""The emulator's own small API: health, reset, and a snapshot of its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify

HEALTH = "/_emulator/health"
SNAPSHOT = "/_emulator/snapshot"
RESETS = ("/_emulator/reset", "/moto-api/reset")


class Refused(Exception):
    """What was asked for cannot be done now; the message says why."""


def administration(
    health: Callable[[], Mapping[str, Any]], reset: Callable[[], None], snapshot: Callable[[], Iterable[bytes]]
) -> Blueprint:
    """The blueprint.

    ``health`` answers what ``GET /_emulator/health`` shows, ``reset`` clears all state, ``snapshot`` answers the pieces
    of the file that ``POST /_emulator/snapshot`` sends, or raises `Refused`; it is closed if it can be.
    """
    blueprint = Blueprint("emulator", __name__)

    def show_health() -> Response:
        return jsonify(dict(health()))

    def run_reset() -> Response:
        reset()
        return jsonify({"status": "ok"})  # moto's own answer, which its test suites look at

    def send_snapshot() -> Response | tuple[Response, int]:
        try:
            return Response(snapshot(), mimetype="application/gzip")
        except Refused as error:
            return jsonify({"message": str(error)}), 500

    blueprint.add_url_rule(HEALTH, "health", show_health, methods=["GET"])
    blueprint.add_url_rule(SNAPSHOT, "snapshot", send_snapshot, methods=["POST"])
    for path in RESETS:
        blueprint.add_url_rule(path, path.strip("/").replace("/", "_"), run_reset, methods=["POST"])
    return blueprint
