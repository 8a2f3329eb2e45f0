"""How a container's process ends: at once, also when it is told to while inside a library."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

SECONDS_FOR_MAIN = 1.0


def leave(code: int) -> NoReturn:
    """End the process now: tearing down numpy and OpenMP costs more time than a small job takes."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(RuntimeError):  # a signal came in the middle of this very flush, which may not be entered twice
            stream.flush()
    os._exit(code)


def obey_inside_libraries() -> None:
    """From now on a SIGTERM that the main thread has not handled within a second is handled beside it.

    Python runs a signal's handler in the main thread, and only between two of its own instructions. While that thread
    is inside native code, reading a large file or waiting for another host, a request to stop would wait as well.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_stand_in, args=(reading,), name="signals", daemon=True).start()


def _stand_in(pipe: int) -> None:
    while number := os.read(pipe, 1):
        time.sleep(SECONDS_FOR_MAIN)
        handler = signal.getsignal(number[0])
        if number[0] == signal.SIGTERM and callable(handler):
            handler(number[0], None)
