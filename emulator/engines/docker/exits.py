"""How containers ended, learned from one event stream that serves every waiter.

The engine's ``die`` event comes 80-110 ms before its own wait call returns (it takes the network down in between),
and an inspect in that time blocks. So an event alone answers; inspecting is for containers that ended while nobody
listened, and to make sure from time to time that no event was lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from datetime import datetime
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException

from emulator.engines.docker.client import translated
from emulator.engines.port import ContainerGone, EngineClosed, EngineError, Exit

_log = logging.getLogger(__name__)

KILLED = 137
"""The exit code of what SIGKILL ended."""

_CHECK_SECONDS = 10.0
_RECONNECT_SECONDS = 0.5


class Exits:
    """Answers when and how containers end. Methods may be called from any thread."""

    def __init__(self, client: docker.APIClient, label: str) -> None:
        self._client = client
        self._label = label
        self._lock = threading.Lock()
        self._ends: dict[str, Future[Exit]] = {}
        self._started: dict[str, float] = {}
        self._out_of_memory: set[str] = set()
        self._removed: set[str] = set()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._stream: Any = None

    def start(self) -> None:
        """Begin to listen; idempotent."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="docker-events", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop listening. Whoever waits gets an `EngineError`."""
        self._closed.set()
        with suppress(OSError, AttributeError, DockerException):  # the stream may be ending by itself just now
            if self._stream is not None:
                self._stream.close()
        with self._lock:
            waiting = list(self._ends.values())
        for end in waiting:
            _fail(end, EngineClosed())

    def wait(self, container: str, timeout: float | None = None) -> Exit | None:
        """Block until the container has ended; None when ``timeout`` seconds pass first. Raises `ContainerGone`."""
        end = self._end(container)
        if not end.done():
            self.start()
            self._look(container)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _CHECK_SECONDS if deadline is None else min(_CHECK_SECONDS, deadline - time.monotonic())
            try:
                return end.result(max(0.0, left))
            except TimeoutError:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
            self._look_again(container)

    def removed(self, container: str) -> None:
        """The container was removed by us; its own events may still be on their way and say nothing any more."""
        with self._lock:
            self._removed.add(container)
        self._forget(container, ContainerGone("The container was removed."))

    def known(self, container: str, timeout: float = 0.0) -> bool:
        """Whether an event told that the container ended, or does within ``timeout`` seconds. Asks nobody."""
        with suppress(TimeoutError, EngineError):
            self._end(container).result(timeout)
            return True
        return False

    def _end(self, container: str) -> Future[Exit]:
        with self._lock:
            return self._ends.setdefault(container, Future())

    def _look(self, container: str) -> None:
        """Ask the engine itself, and settle the container's end if it has come."""
        try:
            with translated("inspect the container"):
                state = self._client.inspect_container(container)["State"]
        except ContainerGone as error:
            self._forget(container, error)
            return
        if state["Status"] in ("exited", "dead"):
            _settle(self._end(container), _from_inspect(state))
            return
        self._started.setdefault(container, seconds(state["StartedAt"]))
        if state.get("OOMKilled"):
            self._out_of_memory.add(container)

    def _look_again(self, container: str) -> None:
        """An engine that is away for a while is waited for: what became of the container is known when it is back."""
        try:
            self._look(container)
        except EngineError as error:
            _log.warning("%s Waiting for it to come back.", error)

    def _forget(self, container: str, error: ContainerGone) -> None:
        with self._lock:
            end = self._ends.pop(container, None)
            self._started.pop(container, None)
            self._out_of_memory.discard(container)
        if end is not None:
            _fail(end, error)

    def _listen(self) -> None:
        since = int(time.time()) - 1
        while not self._closed.is_set():
            try:
                self._follow(since)
            except (DockerException, requests.RequestException, OSError, ValueError) as error:
                _log.debug("The engine's event stream broke: %s", error)
            since = int(time.time()) - int(_CHECK_SECONDS)
            self._closed.wait(_RECONNECT_SECONDS)

    def _follow(self, since: int) -> None:
        events = ["start", "oom", "die", "destroy"]
        filters = {"type": "container", "label": self._label, "event": events}
        self._stream = self._client.events(since=since, filters=filters, decode=True)
        self._reconcile()
        for event in self._stream:
            self._apply(event)

    def _reconcile(self) -> None:
        """Look at every container somebody waits for: events may have been missed while nobody listened."""
        with self._lock:
            waiting = [container for container, end in self._ends.items() if not end.done()]
        for container in waiting:
            with suppress(APIError, EngineError):
                self._look(container)

    def _apply(self, event: Mapping[str, Any]) -> None:
        container, at = str(event["Actor"]["ID"]), event["timeNano"] / 1e9
        match event["Action"]:
            case "start":
                self._started[container] = at
            case "oom":
                self._out_of_memory.add(container)
            case "die" if container not in self._removed:
                _settle(self._end(container), self._from_event(container, event, at))
            case "destroy":
                self._forget(container, ContainerGone("The container was removed."))
                self._removed.discard(container)

    def _from_event(self, container: str, event: Mapping[str, Any], at: float) -> Exit:
        code = int(event["Actor"]["Attributes"]["exitCode"])
        return Exit(code, _oom(code, container in self._out_of_memory), self._started.get(container), at)


def _from_inspect(state: Mapping[str, Any]) -> Exit:
    code = int(state["ExitCode"])
    out_of_memory = _oom(code, bool(state.get("OOMKilled")))
    return Exit(code, out_of_memory, seconds(state["StartedAt"]), seconds(state["FinishedAt"]))


def _oom(code: int, flag: bool) -> bool:
    """The flag is also set when a child alone was killed, and 137 is any SIGKILL: only both mean the container."""
    return flag and code == KILLED


def seconds(timestamp: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; beyond microseconds Python's parser cuts it off."""
    return datetime.fromisoformat(timestamp).timestamp()


def _settle(end: Future[Exit], value: Exit) -> None:
    with suppress(InvalidStateError):  # already settled by somebody else: the first answer stands
        end.set_result(value)


def _fail(end: Future[Exit], error: EngineError) -> None:
    with suppress(InvalidStateError):
        end.set_exception(error)
