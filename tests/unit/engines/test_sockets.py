from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from emulator.engines import sockets


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield f"unix://{path}"


def test_docker_host_decides_alone(listening: str) -> None:
    assert sockets.find({"DOCKER_HOST": listening}) == listening
    assert sockets.find({"DOCKER_HOST": "unix:///nowhere/d.sock"}) is None


def test_the_current_context_comes_before_the_usual_places(tmp_path: Path, listening: str) -> None:
    meta = tmp_path / "contexts" / "meta" / sha256(b"mine").hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": listening}}}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    assert sockets.candidates({"DOCKER_CONFIG": str(tmp_path), "HOME": "/nobody"})[0] == listening
    assert sockets.find({"DOCKER_CONFIG": str(tmp_path), "HOME": "/nobody"}) == listening


@pytest.mark.parametrize("config", ["", "[]", "{}", '{"currentContext": "gone"}', '{"currentContext": "default"}'])
def test_a_context_that_cannot_be_read_does_not_matter(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    assert "unix:///var/run/docker.sock" in sockets.candidates({"DOCKER_CONFIG": str(tmp_path), "HOME": "/nobody"})


def test_a_rootless_engines_socket_is_looked_for() -> None:
    found = sockets.candidates({"HOME": "/nobody", "XDG_RUNTIME_DIR": "/run/user/1"})
    assert "unix:///run/user/1/docker.sock" in found


def test_a_socket_file_nobody_listens_on_does_not_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "dead.sock"))
    assert not sockets.answers(f"unix://{tmp_path}/dead.sock")
    assert not sockets.forbidden(f"unix://{tmp_path}/dead.sock")


def test_tcp_is_tried_and_nonsense_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert sockets.answers(url)
    assert not sockets.answers(url)
    assert not sockets.answers("nonsense")


def test_a_socket_of_others_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> None:
        raise PermissionError

    monkeypatch.setattr(sockets, "_connect", refuse)
    assert sockets.forbidden("unix:///any")
    assert not sockets.answers("unix:///any")
