"""The images, in real containers: train and serve as any user."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from docker.models.containers import Container

from tests.unit.containers.job_files import JobFiles, csv, metric_lines, table

pytestmark = pytest.mark.docker
IMAGE = "sagemaker-emulator/xgboost"
USERS = ["0:0", "1000:1000"]
FOLDERS = ("input", "model", "output")


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    if not client.images.list(IMAGE):
        pytest.fail(f"{IMAGE} is not built: run `sagemaker-emulator images build`", pytrace=False)
    yield client
    client.close()


@pytest.fixture
def job(tmp_path: Path) -> JobFiles:
    files = JobFiles(tmp_path / "ml")
    files.add("train", "a.csv", csv(table("cancer")))
    files.configure({"num_round": "3", "objective": "binary:logistic"})
    for name in FOLDERS:
        (files.base / name).mkdir(exist_ok=True)
        (files.base / name).chmod(0o777)
    return files


def run(engine: docker.DockerClient, job: JobFiles, command: str, user: str, **options: Any) -> Container:
    volumes = {str(job.base / name): {"bind": f"/opt/ml/{name}", "mode": "rw"} for name in FOLDERS}
    return engine.containers.run(IMAGE, [command], user=user, volumes=volumes, detach=True, **options)


@pytest.fixture
def containers() -> Iterator[list[Container]]:
    """Whatever a test puts in here is gone at its end."""
    started: list[Container] = []
    yield started
    for container in started:
        container.remove(force=True)


def port_of(container: Container) -> int:
    container.reload()
    bindings = container.ports["8080/tcp"]
    assert bindings is not None
    return int(bindings[0]["HostPort"])


def ping(container: Container) -> requests.Response:
    """The first answer. Docker's proxy accepts connections before the server inside listens, and then drops them."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return requests.get(f"http://127.0.0.1:{port_of(container)}/ping", timeout=30)
        except requests.ConnectionError:
            container.reload()
            assert container.status == "running", container.logs().decode()
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.05)


@pytest.mark.parametrize("user", USERS)
def test_an_image_trains_and_serves_as_any_user(
    engine: docker.DockerClient, job: JobFiles, containers: list[Container], user: str
) -> None:
    training = run(engine, job, "train", user)
    containers.append(training)
    assert training.wait(timeout=120)["StatusCode"] == 0, training.logs().decode()
    assert len(metric_lines(training.logs().decode())) == 3
    assert (job.model / "xgboost-model").stat().st_uid == int(user.partition(":")[0])

    server = run(engine, job, "serve", user, ports={"8080/tcp": ("127.0.0.1", None)})
    containers.append(server)
    assert ping(server).status_code == 200
    rows = table("cancer")[:50]
    reply = requests.post(
        f"http://127.0.0.1:{port_of(server)}/invocations",
        data=csv(rows[:, 1:]),
        headers={"Content-Type": "text/csv", "Accept": "application/json"},
        timeout=30,
    )
    scores = [item["score"] for item in json.loads(reply.text)["predictions"]]
    assert sum((score > 0.5) == label for score, label in zip(scores, rows[:, 0], strict=True)) > 45
    server.stop(timeout=60)
    assert server.wait(timeout=30)["StatusCode"] == 0, server.logs().decode()


def test_a_failed_training_container_says_why(
    engine: docker.DockerClient, job: JobFiles, containers: list[Container]
) -> None:
    job.configure({"num_round": "0"})
    training = run(engine, job, "train", "1000:1000")
    containers.append(training)
    assert training.wait(timeout=120)["StatusCode"] == 1
    assert job.failure == "Hyperparameter num_round: value 0 not in range [1, +inf)"


def test_a_stopped_training_container_ends_by_itself(
    engine: docker.DockerClient, job: JobFiles, containers: list[Container]
) -> None:
    job.configure({"num_round": "1000000", "objective": "binary:logistic", "save_model_on_termination": "true"})
    training = run(engine, job, "train", "1000:1000")
    containers.append(training)
    for chunk in training.logs(stream=True, follow=True):
        if b"train-logloss" in chunk:
            break
    training.stop(timeout=60)
    assert training.wait(timeout=30)["StatusCode"] == 0
    assert (job.model / "xgboost-model").exists()


def test_the_image_may_share_its_instance_with_others(engine: docker.DockerClient) -> None:
    labels = engine.images.get(IMAGE).labels
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def test_the_image_has_no_scikit_learn(engine: docker.DockerClient) -> None:
    code = "import importlib.util as u; print(u.find_spec('sklearn'), u.find_spec('xgboost') is not None)"
    output = engine.containers.run(IMAGE, ["-c", code], entrypoint="python", remove=True)
    assert output.decode().split() == ["None", "True"]
