"""``/_emulator/control``: what tests break on purpose, as JSON. Refused unless the emulator was started with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, jsonify, request

from emulator.clock import ShiftedClock
from emulator.controls import Controls

CONTROL = "/_emulator/control"

OFF = (
    "This emulator does not let tests break things. Start it with `sagemaker-emulator up --control`, or with "
    "SAGEMAKER_EMULATOR_CONTROL=1 in its environment."
)

_BODY_LIMIT = 64 << 10

Answer = Response | tuple[Response, int]


def control(controls: Controls, clock: ShiftedClock, *, on: bool, is_operation: Callable[[str], bool]) -> Blueprint:
    """The blueprint; with ``on`` False every answer is a 403 that says how to switch it on.

    ``is_operation`` tells the names that can be throttled. A request that makes no sense is a 400 with a message.
    """
    blueprint = Blueprint("control", __name__, url_prefix=CONTROL)
    pages = _Pages(controls, clock, is_operation)
    for path, method, page in (
        ("", "GET", pages.show),
        ("", "POST", pages.add),
        ("", "DELETE", pages.clear),
        ("/<id>", "DELETE", pages.remove),
        ("/clock", "POST", pages.shift),
    ):
        view = _guarded(page) if on else _off
        blueprint.add_url_rule(path, page.__name__, view, methods=[method])
    return blueprint


class _Pages:
    def __init__(self, controls: Controls, clock: ShiftedClock, is_operation: Callable[[str], bool]) -> None:
        self._controls = controls
        self._clock = clock
        self._is_operation = is_operation

    def show(self) -> Answer:
        rules = [rule.document() for rule in self._controls.rules()]
        return jsonify({"rules": rules, "clock_offset_seconds": self._clock.offset})

    def add(self) -> Answer:
        asked = _document()
        action, name, times = (asked.pop(member, None) for member in ("action", "name", "times"))
        if action == "throttle" and isinstance(name, str) and name and not self._is_operation(name):
            raise ValueError(f"name must be an operation of SageMaker (like CreateTrainingJob), not {name!r}.")
        return jsonify(self._controls.add(action, name, times, asked).document()), 201

    def clear(self) -> Answer:
        self._controls.clear()
        return jsonify({"status": "ok"})

    def remove(self, id: str) -> Answer:
        if not self._controls.remove(id):
            return jsonify({"message": f"There is no rule {id}; it may be spent."}), 404
        return jsonify({"status": "ok"})

    def shift(self) -> Answer:
        asked = _document()
        seconds = asked.pop("seconds", None)
        if asked:
            raise ValueError(f"A shift of the clock has seconds, and no {', '.join(sorted(asked))}.")
        return jsonify({"clock_offset_seconds": self._clock.shift(seconds)})


def _off(**_path: str) -> Answer:
    return jsonify({"message": OFF}), 403


def _guarded(page: Callable[..., Answer]) -> Callable[..., Answer]:
    @wraps(page)
    def answer(**path: str) -> Answer:
        try:
            return page(**path)
        except ValueError as error:
            return jsonify({"message": str(error)}), 400

    return answer


def _document() -> dict[str, Any]:
    """The JSON object of the request, whatever type it is said to be. Raises ValueError."""
    body = request.stream.read(_BODY_LIMIT + 1)
    if len(body) > _BODY_LIMIT:
        raise ValueError(f"The request body is larger than {_BODY_LIMIT} bytes.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The request body must be a JSON object.") from None
    if not isinstance(document, dict):
        raise ValueError("The request body must be a JSON object.")
    return document
