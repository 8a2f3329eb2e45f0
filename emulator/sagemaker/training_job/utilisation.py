"""What a host uses, in CloudWatch: CPUUtilization, MemoryUtilization and DiskUtilization, by host.

The names, the dimension and the scale are those of AWS's monitoring-cloudwatch page; AWS measures once a minute, which
would miss most jobs here.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path

from emulator.engines.port import EngineAway, EngineError, Usage
from emulator.sinks.port import Datum

log = logging.getLogger(__name__)

_PAUSES = (0.2, 1.0)
_PAUSE = 5.0
"""Seconds between measurements: a short job is to be seen too, a long one need not be looked at so often."""

_GIB = 1024**3


class Utilisation:
    """Measures one host's container on a thread of its own, until it is told to stop or the container has ended.

    ``memory`` is that of the instance type, for an engine that sets no limit.
    """

    def __init__(
        self,
        host: str,
        measure: Callable[[], Usage],
        disk: Callable[[], float | None],
        put: Callable[[list[Datum]], None],
        memory: int | None = None,
        *,
        pauses: Iterable[float] = _PAUSES,
    ) -> None:
        self._dimensions = {"Host": host}
        self._measure = measure
        self._disk = disk
        self._put = put
        self._memory = memory
        self._pauses = pauses
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"usage of {host}", daemon=True)

    def start(self) -> None:
        """Begin to measure."""
        self._thread.start()

    def stop(self) -> None:
        """Measure no more."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            before: Usage | None = None
            for pause in chain(self._pauses, repeat(_PAUSE)):
                now = self._asked()
                if before is not None and now is not None:
                    self._put(self._data(before, now))
                before = now or before
                if self._over.wait(pause):
                    return
        except EngineError as error:  # it has ended, or this engine cannot tell
            log.debug("%s is measured no longer: %s", self._dimensions["Host"], error)

    def _asked(self) -> Usage | None:
        """None while the engine is away, as when it is restarted below a container that goes on."""
        try:
            return self._measure()
        except EngineAway:
            return None

    def _data(self, before: Usage, now: Usage) -> list[Datum]:
        shares = {
            "CPUUtilization": _share(now.cpu_seconds - before.cpu_seconds, now.at - before.at),
            "MemoryUtilization": _share(now.memory, now.memory_limit or self._memory),
            "DiskUtilization": self._disk(),
        }
        known = {name: share for name, share in shares.items() if share is not None}
        return [Datum(name, share, now.at, self._dimensions, "Percent") for name, share in known.items()]


def disk(directories: Iterable[Path], gib: float) -> float | None:
    """How much of a volume of ``gib`` GiB the files below some directories take, in per cent."""
    return _share(sum(_size(str(directory)) for directory in directories), gib * _GIB)


def _share(part: float, whole: float | None) -> float | None:
    return 100.0 * part / whole if whole else None


def _size(directory: str) -> int:
    """Bytes of the files below a directory; what goes away meanwhile counts nothing."""
    total, pending = 0, [directory]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
