"""Watching a container through an outage of its engine: asked again until it answers, never given up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

from emulator.clock import Clock
from emulator.engines.port import ContainerGone, Engine, EngineClosed, EngineError, Exit, Handle, LogLine

log = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 1.0

T = TypeVar("T")


class Watcher:
    """The waiting methods of an engine. A restart of Docker, say, neither ends nor loses what is watched."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def wait(self, container: Handle) -> Exit:
        """How the container ended, once it has. Raises `ContainerGone`, or `EngineClosed` when the emulator stops."""
        return self._patiently(lambda: self._engine.wait(container))

    def lines(self, container: Handle) -> Iterator[LogLine]:
        """Every line to the container's end. Raises as `wait` does."""
        since: float | None = None
        following: Iterator[LogLine] | None = None

        def following_line() -> LogLine | None:
            nonlocal following
            try:
                following = following or iter(self._engine.logs(container, since))
                return next(following, None)
            except EngineError:
                following = None  # begun again behind the last line that came
                raise

        while (line := self._patiently(following_line)) is not None:
            since = line.at
            yield line

    def _patiently(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                return ask()
            except (ContainerGone, EngineClosed):
                raise
            except EngineError as error:
                log.warning("the engine does not answer (%s); asking again", error)
                self._clock.sleep(_ASK_AGAIN_SECONDS)
