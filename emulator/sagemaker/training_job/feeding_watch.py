"""Ends a container whose pipes are fed no more: it would wait for the next one until its job runs out of time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emulator.engines.port import ContainerGone, EngineClosed, EngineError
from emulator.optml import feeding
from emulator.optml.layout import Layout

log = logging.getLogger(__name__)

_INTERVAL = 1.0


class FeedingWatch:
    """Looks after the pipes of one host on a thread of its own; ``end`` ends its container."""

    def __init__(self, layout: Layout, end: Callable[[], None]) -> None:
        self._layout = layout
        self._end = end
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, the container is ended once its pipes have failed. Nothing happens where there are none."""
        if not self._layout.feeder.is_dir():
            yield
            return
        thread = threading.Thread(target=self._run, name="feeding-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(_INTERVAL):
            try:
                if feeding.failure(self._layout) is not None:
                    self._end()
                    return
            except (ContainerGone, EngineClosed):
                return
            except (EngineError, OSError) as error:
                log.warning("a container whose pipes have failed cannot be ended yet: %s", error)
