"""Asking an engine through an outage of its own: asked again until it answers, never given up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from emulator.clock import Clock
from emulator.engines.port import (
    ContainerGone,
    Engine,
    EngineAway,
    EngineClosed,
    EngineError,
    Exit,
    Handle,
    LogLine,
)

log = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 1.0

T = TypeVar("T")


class Watcher:
    """What is asked of an engine again and again. A restart of Docker, say, neither ends nor loses a container.

    Once ``closing`` answers that the emulator stops, an engine that is away is waited for no longer: `EngineClosed`.
    """

    def __init__(self, engine: Engine, clock: Clock, closing: Callable[[], bool] = lambda: False) -> None:
        self._engine = engine
        self._clock = clock
        self._closing = closing

    def patiently(self, call: Callable[[], T]) -> T:
        """What ``call`` answers once the engine is there. What the engine refuses is raised at once."""
        return self._through(call, EngineAway)

    def wait(self, container: Handle) -> Exit:
        """How the container ended, once it has. Raises `ContainerGone`, or `EngineClosed` when the emulator stops."""
        return self._through(lambda: self._engine.wait(container), EngineError)

    def lines(self, container: Handle) -> Iterator[LogLine]:
        """Every line to the container's end, once. Raises as `wait` does."""
        seen = 0
        following: Iterator[LogLine] | None = None

        def following_line() -> LogLine | None:
            nonlocal following
            try:
                # Begun again, the output is the same from its beginning; times would not do, since those of stdout
                # and stderr are not in order.
                following = following or islice(self._engine.logs(container), seen, None)
                return next(following, None)
            except EngineError:
                following = None
                raise

        while (line := self._through(following_line, EngineError)) is not None:
            seen += 1
            yield line

    def _through(self, call: Callable[[], T], outage: type[EngineError]) -> T:
        """What ``call`` answers once it raises ``outage`` no longer."""
        while True:
            try:
                return call()
            except (ContainerGone, EngineClosed):
                raise
            except outage as error:
                if self._closing():
                    raise EngineClosed from error
                log.warning("the engine does not answer (%s); asking again", error)
                self._clock.sleep(_ASK_AGAIN_SECONDS)
