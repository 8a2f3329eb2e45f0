"""The connection to a Docker Engine, and what its errors mean to a user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env

from emulator.engines.port import ContainerGone, EngineAway, EngineError

# An endpoint's log stream stays open for as long as it lives, and each wants its own connection.
_CONNECTIONS = 64

# A proxy in front of the engine (Docker Desktop has one) answers with these while the engine restarts.
_AWAY_STATUSES = (502, 503, 504)

_DENIED = "Permission denied"

# What the engine's explanation contains -> what to tell the user.
_KNOWN = {
    "no space left on device": (
        "the disk Docker keeps its data on is full. Free space, for example with `docker system prune`."
    ),
    "executable file not found": (
        "the image has no such program ({explanation}). A training image needs a `train` program in its PATH or an "
        "ENTRYPOINT, a serving image `serve`."
    ),
    "no command specified": "the image has neither an ENTRYPOINT nor a program to run.",
    "exec format error": "the image was built for another processor than this machine's ({explanation}).",
    "mounts denied": (
        "Docker Desktop may not share the data directory. Allow it under Settings > Resources > File sharing, or "
        "choose another with `--data-dir`."
    ),
    "bind source path does not exist": (
        "a directory of the job is missing on the engine's machine ({explanation}). The engine must see the same "
        "file system as the emulator."
    ),
    "permission denied": (
        "the engine was refused ({explanation}). Is the program executable, and may the engine read the data directory?"
    ),
}


def connect(url: str) -> docker.APIClient:
    """A client of the engine at ``url``; raises `EngineError` when it does not answer."""
    with translated(f"answer at {url}"):
        # DOCKER_HOST may come with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, which docker-py reads together.
        options = kwargs_from_env() if os.environ.get("DOCKER_HOST") == url else {"base_url": url}
        return docker.APIClient(version="auto", max_pool_size=_CONNECTIONS, **options)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what docker-py raises inside into `EngineError`; ``doing`` completes "Docker could not ...".

    No answer at all becomes `EngineAway`: a connection that is refused or breaks, or an answer that takes too long.
    """
    try:
        yield
    except APIError as error:
        if missing_container(error):
            raise ContainerGone("The container does not exist any more; somebody removed it.") from error
        kind = EngineAway if error.status_code in _AWAY_STATUSES else EngineError
        raise kind(f"Docker could not {doing}: {_reason(error)}") from error
    except (DockerException, requests.RequestException, OSError) as error:
        kind = EngineAway if _no_answer(error) else EngineError
        raise kind(f"Docker could not {doing}: {_unreachable(error)}") from error


def missing_container(error: APIError) -> bool:
    """Whether ``error`` says that the container is not there."""
    return error.status_code == 404 and "no such container" in str(error.explanation).lower()


def missing_volume(error: APIError) -> bool:
    """Whether ``error`` says that the volume is not there."""
    return error.status_code == 404 and "no such volume" in str(error.explanation).lower()


def conflict(error: APIError) -> bool:
    """Whether ``error`` says that the container's state or name does not allow it (not running, name taken)."""
    return bool(error.status_code == 409)


def says(error: APIError, *words: str) -> bool:
    """Whether the engine's explanation contains one of ``words`` (lower case)."""
    return any(word in str(error.explanation).lower() for word in words)


def _reason(error: APIError) -> str:
    explanation = str(error.explanation or error)
    known = next((text for words, text in _KNOWN.items() if words in explanation.lower()), "{explanation}")
    return known.replace("{explanation}", explanation.strip())


def _no_answer(error: BaseException) -> bool:
    """Whether ``error`` is the connection's: not one of this machine's files, nor a socket that is closed to us."""
    if _DENIED in str(error):
        return False
    # docker-py wraps what goes wrong while it connects, with the reason as the cause.
    return any(isinstance(one, (requests.RequestException, ConnectionError, TimeoutError)) for one in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


def _unreachable(error: Exception) -> str:
    text = str(error)
    if _DENIED in text:
        return (
            "this user may not use its socket. Join its group (`sudo usermod -aG docker $USER`, then log in again), "
            "or use `--engine process`."
        )
    if any(sign in text for sign in ("FileNotFoundError", "Connection refused", "Connection aborted", "No such file")):
        return "it is not running. Start Docker, or use `--engine process` for the built-in algorithms."
    return text
