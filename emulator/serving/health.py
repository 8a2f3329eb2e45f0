"""The ping health check: ``GET /ping`` until a container answers 200."""

from __future__ import annotations

import http.client
from collections.abc import Callable

from emulator.clock import Clock
from emulator.serving.router import Address

PING_TIMEOUT = 2.0
"""Seconds a container has to answer a ping."""

_PAUSE = 0.02

# Asking the engine costs more than a ping, so whether the container still runs is asked only now and then.
_PINGS_PER_LOOK = 10


def ping(address: Address) -> bool:
    """Whether the container answers ``GET /ping`` with 200 in time."""
    connection = http.client.HTTPConnection(*address, timeout=PING_TIMEOUT)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # not listening yet, reset by a proxy in between, or too slow
        return False
    finally:
        connection.close()


def wait_until_healthy(address: Address, clock: Clock, timeout: float, worth_waiting: Callable[[], bool]) -> bool:
    """Ping until the container is healthy (True); False after ``timeout`` seconds or when waiting has no sense."""
    deadline = clock.monotonic() + timeout
    pings = 0
    while not ping(address):
        pings += 1
        if clock.monotonic() > deadline or (pings % _PINGS_PER_LOOK == 0 and not worth_waiting()):
            return False
        clock.sleep(_PAUSE)
    return True
