"""The resident memory of a process: now, and at its peak."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

_BETWEEN_LOOKS = 0.02


def resident(pid: int) -> int:
    """Resident bytes of a process now."""
    if (known := _of_proc(pid, "VmRSS")) is not None:
        return known
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout) * 1024


class Peak:
    """The most resident bytes of a process since its start, or since this was made where only looking tells (macOS).

    `close` ends the looking.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen = 0
        self._closed = threading.Event()
        self._watch = None if _of_proc(pid, "VmHWM") is not None else threading.Thread(target=self._look, daemon=True)
        if self._watch is not None:
            self._watch.start()

    def so_far(self) -> int:
        """The peak so far."""
        known = _of_proc(self._pid, "VmHWM")
        return self._seen if known is None else known

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._watch is not None:
            self._watch.join()

    def _look(self) -> None:
        while not self._closed.wait(_BETWEEN_LOOKS):
            self._seen = max(self._seen, resident(self._pid))


def _of_proc(pid: int, name: str) -> int | None:
    """A line of Linux's ``/proc/<pid>/status`` in bytes; None on a system without it."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    found = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(found.split()[1]) * 1024
