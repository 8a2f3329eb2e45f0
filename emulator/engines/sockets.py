"""Where a Docker Engine listens, found without importing docker: it costs 0.1 s and memory nobody may need."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

_WINDOWS_PIPE = "npipe:////./pipe/docker_engine"


def find(environ: Mapping[str, str] | None = None) -> str | None:
    """The address of an engine that accepts connections, or None.

    ``DOCKER_HOST`` decides alone when it is set; then the docker command's current context, then the usual places.
    """
    return next((url for url in candidates(environ) if answers(url)), None)


def candidates(environ: Mapping[str, str] | None = None) -> list[str]:
    """The addresses worth trying, best first."""
    env = os.environ if environ is None else environ
    if host := env.get("DOCKER_HOST"):
        return [host]
    return list(dict.fromkeys(_usual(env)))


def answers(url: str) -> bool:
    """Whether something listens at ``url`` and lets us in."""
    try:
        _connect(url)
    except OSError:
        return False
    return True


def forbidden(url: str) -> bool:
    """Whether an engine's socket is there but this user may not use it."""
    try:
        _connect(url)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _usual(env: Mapping[str, str]) -> Iterator[str]:
    home = Path(env.get("HOME", str(Path.home())))
    if context := _context_host(Path(env.get("DOCKER_CONFIG", home / ".docker")), env.get("DOCKER_CONTEXT")):
        yield context
    if sys.platform == "win32":
        yield _WINDOWS_PIPE
    yield "unix:///var/run/docker.sock"
    if runtime := env.get("XDG_RUNTIME_DIR"):
        yield f"unix://{runtime}/docker.sock"
    yield f"unix://{home}/.docker/run/docker.sock"
    yield f"unix://{home}/.colima/default/docker.sock"


def _context_host(config: Path, context: str | None) -> str | None:
    """The host of docker's current context, kept in a folder named after the hash of the context's name."""
    try:
        name = context or json.loads((config / "config.json").read_text()).get("currentContext")
        if not name or name == "default":
            return None
        meta = config / "contexts" / "meta" / sha256(name.encode()).hexdigest() / "meta.json"
        host = json.loads(meta.read_text())["Endpoints"]["docker"]["Host"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return str(host)


def _connect(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(parts.path)
    elif parts.scheme == "npipe":
        Path(url.removeprefix("npipe:").replace("/", "\\")).stat()
    elif parts.hostname and parts.scheme in ("tcp", "http", "https"):
        socket.create_connection((parts.hostname, parts.port or 2375), timeout=2).close()
    elif parts.scheme != "ssh":  # ssh would need a login to know; docker itself will tell
        raise OSError(f"{url} is not an address of a Docker Engine")
