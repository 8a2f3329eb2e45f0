"""What the engine's errors become for a user."""

from __future__ import annotations

import pytest
import requests
from docker.errors import APIError, DockerException

from emulator.engines.docker.client import connect, translated
from emulator.engines.port import ContainerGone, EngineAway, EngineError


def refused(status: int, explanation: str) -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError("refused", response=response, explanation=explanation)


@pytest.mark.parametrize(
    ("explanation", "said"),
    [
        ("write /var/lib/docker: no space left on device", "docker system prune"),
        ('exec: "train": executable file not found in $PATH', 'no such program.*"train".*ENTRYPOINT'),
        ("No command specified", "neither an ENTRYPOINT"),
        ("exec format error", "another processor"),
        ("Mounts denied: the path is not shared", "File sharing"),
        ("invalid mount config: bind source path does not exist: /x", "directory of the job is missing.*/x"),
        ("something else entirely", "something else entirely"),
    ],
)
def test_the_message_says_what_to_do(explanation: str, said: str) -> None:
    with pytest.raises(EngineError, match=f"Docker could not start it: .*{said}"), translated("start it"):
        raise refused(500, explanation)


def test_a_container_that_is_not_there_is_gone() -> None:
    with pytest.raises(ContainerGone), translated("inspect"):
        raise refused(404, "No such container: abc")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("('Connection aborted.', FileNotFoundError(2, 'No such file'))", "Start Docker"),
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "usermod"),
        ("Read timed out.", "Read timed out"),
    ],
)
def test_an_unreachable_engine_says_why(text: str, said: str) -> None:
    with pytest.raises(EngineError, match=said), translated("answer"):
        raise DockerException(text)
    with pytest.raises(EngineError, match=said), translated("answer"):
        raise requests.ConnectionError(text)


def test_connecting_to_nothing_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="answer at unix:///nowhere"):
        connect("unix:///nowhere/d.sock")


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))"),
        requests.ReadTimeout("Read timed out."),
        requests.exceptions.ChunkedEncodingError("Connection broken"),
        ConnectionResetError("reset"),
        refused(503, "starting"),
    ],
)
def test_no_answer_is_an_engine_that_is_away(error: Exception) -> None:
    with pytest.raises(EngineAway), translated("answer"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        refused(500, "no space left on device"),
        DockerException("not a setting"),
        FileNotFoundError("a directory of this machine"),
        requests.ConnectionError("('Connection aborted.', PermissionError(13, 'Permission denied'))"),
    ],
)
def test_a_refusal_is_not_an_engine_that_is_away(error: Exception) -> None:
    with pytest.raises(EngineError) as raised, translated("answer"):
        raise error
    assert not isinstance(raised.value, EngineAway)


def test_an_engine_that_cannot_be_connected_to_is_away() -> None:
    with pytest.raises(EngineAway):
        connect("unix:///nowhere/d.sock")
