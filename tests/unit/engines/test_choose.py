from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emulator.engines import sockets
from emulator.engines.choose import choose
from emulator.engines.port import EngineError


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


def test_auto_takes_processes_without_docker(no_docker: None, tmp_path: Path) -> None:
    assert choose("auto", "test", tmp_path).name == "process"


def test_process_is_taken_when_asked_for(tmp_path: Path) -> None:
    assert choose("process", "test", tmp_path).name == "process"


@pytest.mark.docker
@pytest.mark.parametrize("choice", ["auto", "docker"])
def test_docker_is_taken_where_it_answers(choice: str, tmp_path: Path) -> None:
    engine = choose(choice, "test", tmp_path)  # type: ignore[arg-type]  # a parametrized literal
    assert engine.name == "docker"
    engine.close()


def test_docker_asked_for_in_vain_says_what_to_do(no_docker: None, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"No Docker Engine answers .*no\.sock.*Start Docker"):
        choose("docker", "test", tmp_path)


def test_a_socket_one_may_not_use_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sockets, "answers", lambda url: False)
    monkeypatch.setattr(sockets, "forbidden", lambda url: True)
    with pytest.raises(EngineError, match="usermod -aG docker"):
        choose("docker", "test", tmp_path)
    assert choose("auto", "test", tmp_path).name == "process"


def test_auto_without_docker_does_not_import_the_docker_client(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib; os.environ['DOCKER_HOST'] = 'unix:///nowhere/d.sock'\n"
        "from emulator.engines.choose import choose\n"
        "choose('auto', 'test', pathlib.Path(sys.argv[1]))\n"
        "sys.exit('docker' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=root, check=False).returncode == 0
