"""How an algorithm's process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BASE = Path(__file__).parents[3] / "containers" / "base"

# A stream whose flush gets the signal that ends the process, as happens to a job that prints a lot.
SCRIPT = """
import os, signal, sys
from sagemaker_container import program

class Interrupted:
    def __init__(self, stream):
        self.stream, self.flushing = stream, False
    def write(self, text):
        return self.stream.write(text)
    def flush(self):
        if self.flushing:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter>")
        self.flushing = True
        os.kill(os.getpid(), signal.SIGTERM)
        self.stream.flush()
        self.flushing = False

def train(layout):
    sys.stdout = Interrupted(sys.stdout)
    print("a round", flush=True)

program.run(train, train, lambda: None, ["train"])
"""


def test_a_signal_in_the_middle_of_printing_ends_the_process_with_its_own_code(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(BASE), "SAGEMAKER_BASE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 143, done.stderr
    assert not (tmp_path / "output" / "failure").exists()
