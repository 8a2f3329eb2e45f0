"""How many CPUs this container may use."""

from __future__ import annotations

import os


def usable_cpus() -> int:
    """What the platform grants (``SM_NUM_CPUS``, else ``OMP_NUM_THREADS``), else what the process may run on.

    `os.cpu_count` alone is wrong in a container: it counts the host's CPUs whatever the limit is.
    """
    for variable in ("SM_NUM_CPUS", "OMP_NUM_THREADS"):
        value = os.environ.get(variable, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
