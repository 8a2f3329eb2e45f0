"""`sagemaker-emulator doctor`."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from emulator.cli import checks
from emulator.settings import Settings
from tests.other_s3 import Answer, OtherS3
from tests.unit.cli.conftest import NO_DOCKER, Run


def rows(output: str) -> dict[str, str]:
    """The state of each subject, by its name."""
    lines = [line.split(None, 2) for line in output.splitlines() if not line.startswith(" ")]
    return {line[1]: line[0] for line in lines}


def test_without_docker_it_warns_and_all_is_well(run: Run) -> None:
    done = run("doctor", "--port", "0", **NO_DOCKER)

    assert done.returncode == 0, done.stdout
    states = rows(done.stdout)
    assert states.pop("Docker") == "warn"
    assert states.pop("Disk") in ("ok", "warn")
    assert states == dict.fromkeys(("Python", "Processes", "Algorithms", "Port", "Data"), "ok")
    assert "use `--engine process`" in done.stdout


def test_without_docker_it_fails_when_docker_is_asked_for(run: Run) -> None:
    done = run("doctor", "--port", "0", "--engine", "docker", **NO_DOCKER)

    assert done.returncode == 1
    assert rows(done.stdout)["Docker"] == "fail"


def test_a_port_of_somebody_else_is_a_failure(run: Run, taken_port: int) -> None:
    done = run("doctor", "--port", str(taken_port), **NO_DOCKER)

    assert done.returncode == 1
    assert rows(done.stdout)["Port"] == "fail"


def test_an_emulator_that_runs_is_no_failure(run: Run) -> None:
    ready = run("up", "--detach", "--engine", "process", "--port", "0").stdout
    port = ready.split()[1].rpartition(":")[2]

    done = run("doctor", "--port", port, **NO_DOCKER)

    assert done.returncode == 0, done.stdout
    assert "is served by an emulator that runs already" in done.stdout
    assert f"used by the emulator at http://127.0.0.1:{port}" in done.stdout


def test_without_the_algorithms_nothing_can_run_but_in_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _module: None)
    monkeypatch.setattr(checks, "docker_engine", lambda: checks.Check("warn", "Docker", "no engine answers"))

    found = {check.subject: check for check in checks.engines(Settings())}

    assert found["Algorithms"].state == "fail"
    assert "pip install 'sagemaker-emulator[algorithms]'" in found["Algorithms"].remedy


def test_with_docker_the_missing_algorithms_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _module: None)
    monkeypatch.setattr(checks, "docker_engine", lambda: checks.Check("ok", "Docker", "here"))
    monkeypatch.setattr(checks, "image_states", lambda: iter(()))

    found = {check.subject: check.state for check in checks.engines(Settings())}

    assert found["Algorithms"] == "warn"


def test_a_data_directory_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert checks.data_dir(tmp_path / "file" / "below").state == "fail"
    assert checks.data_dir(tmp_path / "not" / "yet").state == "ok"
    assert not (tmp_path / "not").exists()


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "state"), [(10 * 2**20, "fail"), (2 * 2**30, "warn"), (50 * 2**30, "ok")])
def test_a_full_disk_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free))

    assert checks.disk(tmp_path).state == state


def test_an_engines_socket_that_refuses_this_user_comes_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.sockets, "find", lambda: None)
    monkeypatch.setattr(checks.sockets, "forbidden", lambda _url: True)

    check = checks.docker_engine()

    assert check.state == "warn"
    assert "usermod -aG docker" in check.remedy


def test_what_listens_but_is_no_docker_engine_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'closed'}")

        assert checks.docker_engine().state == "warn"


@pytest.mark.docker
def test_with_docker_the_engine_and_the_images_are_listed(run: Run) -> None:
    found = rows(run("doctor", "--port", "0").stdout)

    assert found["Docker"] == "ok"
    assert "Image" in found


def other_s3(url: str, monkeypatch: pytest.MonkeyPatch, key: str = "test") -> checks.Check:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return checks.other_s3(Settings(s3_endpoint_url=url))


def test_another_s3_that_answers_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    buckets = b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
    with OtherS3().running() as server:
        server.answer = lambda _: Answer(body=buckets)
        found = other_s3(server.url, monkeypatch)
    assert (found.state, found.subject, found.detail) == ("ok", "S3", f"{server.url} answers, region us-east-1")


@pytest.mark.parametrize(("code", "state"), [("AccessDenied", "ok"), ("InvalidAccessKeyId", "fail")])
def test_another_s3_that_refuses_the_credentials_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, code: str, state: str
) -> None:
    with OtherS3().running() as server:
        server.answer = lambda _: Answer(403, body=f"<Error><Code>{code}</Code><Message>No</Message></Error>".encode())
        found = other_s3(server.url, monkeypatch)
    assert (found.state, found.detail) == (state, f"{server.url} answers {code}: No")


def test_another_s3_that_is_away_is_a_failure_with_a_remedy(run: Run) -> None:
    url = "http://127.0.0.1:1"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = run("doctor", "--port", "0", "--s3-endpoint-url", url, **NO_DOCKER, **keys)
    assert done.returncode == 1
    assert rows(done.stdout)["S3"] == "fail"
    assert f"S3 at {url} cannot be reached" in done.stdout
