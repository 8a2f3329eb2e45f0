"""`Control`: the client of ``/_emulator/control``. The standard library is all it needs."""

from __future__ import annotations

import json
import os
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

_TIMEOUT = 60.0
"""Seconds to wait for an answer."""


class ControlError(Exception):
    """The emulator refused, with its own words, or could not be asked."""


class Control:
    """Breaks things in the emulator at ``url``, which was started with ``--control``.

    Without ``url`` it is the one of ``AWS_ENDPOINT_URL``. A name is that of one training job or operation; None means
    any. ``times`` is how often it happens; a rule that is not used up waits, also for resources that are created later.
    Methods that add a rule answer it as the emulator keeps it, a dictionary with its ``id``. As a context manager it
    drops every rule at the end. Every method raises `ControlError`.
    """

    def __init__(self, url: str | None = None) -> None:
        found = url or os.environ.get("AWS_ENDPOINT_URL", "")
        if not found.startswith(("http://", "https://")):
            raise ControlError("Control needs the emulator's URL, as argument or in AWS_ENDPOINT_URL.")
        self._url = found.rstrip("/") + "/_emulator/control"

    def interrupt(self, job: str | None = None, *, after_seconds: float = 0, times: int = 1) -> dict[str, Any]:
        """Take the instances from a managed spot training job, ``after_seconds`` of its Training."""
        return self._add("interrupt", job, times, after_seconds=after_seconds)

    def refuse_capacity(self, job: str | None = None, *, seconds: float = 0, times: int = 1) -> dict[str, Any]:
        """Let a training job find no instances; it fails when that has lasted for ``seconds``."""
        return self._add("refuse-capacity", job, times, seconds=seconds)

    def delay(
        self, job: str | None = None, *, seconds: float, status: str = "Starting", times: int = 1
    ) -> dict[str, Any]:
        """Hold a training job for ``seconds`` in a secondary status: Starting, Downloading, Training or Uploading."""
        return self._add("delay", job, times, seconds=seconds, status=status)

    def fail(
        self, job: str | None = None, *, reason: str | None = None, status: str = "Starting", times: int = 1
    ) -> dict[str, Any]:
        """Let a training job fail in a secondary status; ``reason`` is its FailureReason."""
        return self._add("fail", job, times, reason=reason, status=status)

    def throttle(self, operation: str | None = None, *, times: int = 1) -> dict[str, Any]:
        """Answer calls of a SageMaker operation with ThrottlingException, which clients may retry by themselves."""
        return self._add("throttle", operation, times)

    def shift_clock(self, seconds: float) -> float:
        """Set SageMaker's clock ahead; answers the seconds that it is ahead by now."""
        offset: float = self._ask("POST", "/clock", {"seconds": seconds})["clock_offset_seconds"]
        return offset

    def rules(self) -> list[dict[str, Any]]:
        """The rules that are not used up, the oldest first."""
        rules: list[dict[str, Any]] = self._ask("GET")["rules"]
        return rules

    def remove(self, id: str) -> None:
        """Drop one rule."""
        self._ask("DELETE", f"/{quote(id, safe='')}")

    def clear(self) -> None:
        """Drop every rule. The clock stays as it is."""
        self._ask("DELETE")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def _add(self, action: str, name: str | None, times: int, **parameters: Any) -> dict[str, Any]:
        return self._ask("POST", "", {"action": action, "name": name, "times": times, **parameters})

    def _ask(self, method: str, path: str = "", document: Any = None) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = Request(self._url + path, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310
        try:
            with urlopen(request, timeout=_TIMEOUT) as reply:  # noqa: S310 - an http URL, as was checked
                answer: dict[str, Any] = json.load(reply)
        except HTTPError as error:
            raise ControlError(_message(error)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise ControlError(f"The emulator does not answer at {self._url}: {error}") from error
        return answer


def _message(error: HTTPError) -> str:
    """What the emulator said, or the status line of somebody else."""
    with error:
        try:
            return str(json.load(error)["message"])
        except (ValueError, KeyError, TypeError, OSError, HTTPException):
            return f"{error.url} answers {error.code} {error.reason}: no emulator of this version."
