"""A process of its own that serves the cloud, to be killed: prints its URL and waits."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.mounted import mounted

if __name__ == "__main__":
    with mounted(Path(sys.argv[1])) as running:
        print(running.url, flush=True)
        signal.pause()
