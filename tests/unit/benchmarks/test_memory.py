"""The resident memory of a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import memory

PROGRAM = """
block = bytearray(b"x") * 64_000_000
del block
print("done", flush=True)
input()
"""


def unknown(*_: Any) -> None:
    return None


@pytest.mark.parametrize("of_proc", [memory._of_proc, unknown], ids=["as the system tells it", "by looking"])
def test_the_peak_holds_what_was_given_back_since(
    of_proc: Callable[[int, str], int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_of_proc", of_proc)
    slow = PROGRAM.replace("del block", "import time; time.sleep(0.5); del block")  # long enough to be looked at
    with subprocess.Popen([sys.executable, "-c", slow], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        peak = memory.Peak(process.pid)
        process.stdout.readline()
        now, most = memory.resident(process.pid), peak.so_far()
        peak.close()
        process.communicate(b"\n")
    assert most >= 64_000_000 > now > 0
