"""Removes containers that carry this emulator's label and belong to nobody: what a crash may leave behind."""

from __future__ import annotations

import logging
from collections.abc import Callable

from emulator.engines.port import Engine, EngineError, Owned

_log = logging.getLogger(__name__)


def reap(engine: Engine, alive: Callable[[Owned], bool]) -> list[str]:
    """Remove every owned container that ``alive`` does not claim; answers the names of those removed.

    Call it only when no launch is under way, for example at start, before the first request is served.
    """
    return [one.name for one in engine.owned() if not alive(one) and _removed(engine, one)]


def _removed(engine: Engine, orphan: Owned) -> bool:
    try:
        engine.remove(orphan.handle)
    except EngineError as error:  # one stubborn container must not keep the others
        _log.warning("The orphaned container %s could not be removed: %s", orphan.name, error)
        return False
    _log.info("Removed the orphaned container %s.", orphan.name)
    return True
