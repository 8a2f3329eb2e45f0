"""Which engine to use."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from emulator.engines import sockets
from emulator.engines.port import Engine, EngineError
from emulator.settings import EngineChoice

_log = logging.getLogger(__name__)

REMEDY = (
    "Start Docker (Linux: `sudo systemctl start docker`; macOS or Windows: open Docker Desktop), or use "
    "`--engine process`, which runs the built-in algorithms without Docker."
)
FORBIDDEN = (
    "A Docker Engine listens at {url}, but this user may not use it. Join its group (`sudo usermod -aG docker $USER`, "
    "then log in again), or use `--engine process`."
)


def choose(choice: EngineChoice, emulator_id: str, state_dir: Path) -> Engine:
    """The engine of ``choice``; ``auto`` takes Docker when one answers, else processes.

    ``state_dir`` is where the process engine keeps its jobs. Raises `EngineError` when Docker is asked for and no
    Docker Engine answers.
    """
    url = None if choice == "process" else sockets.find()
    if url is not None and (engine := _docker(choice, emulator_id, url)) is not None:
        return engine
    if choice == "docker":
        raise EngineError(_reason())
    if choice == "auto" and (url := _forbidden()) is not None:
        _log.warning(FORBIDDEN.format(url=url))
    if sys.platform == "win32":
        raise EngineError(f"The process engine needs Linux or macOS (on Windows: WSL 2). {_reason()}")
    from emulator.engines.process import ProcessEngine

    return ProcessEngine(emulator_id, state_dir)


def _docker(choice: EngineChoice, emulator_id: str, url: str) -> Engine | None:
    """A Docker engine at ``url``; with ``auto`` only when it can really run containers."""
    from emulator.engines.docker import DockerEngine  # costs 0.1 s and memory: only now that it will be used

    engine = DockerEngine(emulator_id, url)
    health = engine.health()
    if health.ok:
        return engine
    engine.close()
    if choice == "docker":
        raise EngineError(health.detail)
    _log.warning("Docker at %s cannot be used: %s", url, health.detail)
    return None


def _reason() -> str:
    if (url := _forbidden()) is not None:
        return FORBIDDEN.format(url=url)
    return f"No Docker Engine answers (tried {', '.join(sockets.candidates())}). {REMEDY}"


def _forbidden() -> str | None:
    return next((url for url in sockets.candidates() if sockets.forbidden(url)), None)
