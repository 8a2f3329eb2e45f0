"""Starting ahead of the job: a container that has its libraries loaded when its job comes.

The platform starts such a container with ``SAGEMAKER_EMULATOR_WAIT=1`` and later writes, by renaming,
``input/config/job.json``: ``{"environment": {name: value}}``, the variables of the job.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from sagemaker_container.ending import leave

VARIABLE = "SAGEMAKER_EMULATOR_WAIT"
JOB_FILE = "job.json"

POLL_SECONDS = 0.01


def is_asked_for() -> bool:
    return os.environ.get(VARIABLE) == "1"


def wait(config: Path, prepare: Callable[[], None]) -> None:
    """Prepare, then return when the folder ``config`` holds a job, with its environment in place.

    Until then SIGTERM ends the process with exit code 0: there is no job yet that could fail.
    """
    before = signal.signal(signal.SIGTERM, _leave_in_peace)
    prepare()
    job = config / JOB_FILE
    while not job.exists():
        time.sleep(POLL_SECONDS)
    signal.signal(signal.SIGTERM, before)
    del os.environ[VARIABLE]
    os.environ.update(json.loads(job.read_text(encoding="utf-8"))["environment"])


def _leave_in_peace(_number: int, _frame: FrameType | None) -> None:
    leave(0)
