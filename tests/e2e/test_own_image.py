"""Training with an image of the user's own: what the container finds, and how each of its ends is told."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.docker import program_image
from tests.running import ROLE, RunningEmulator, ended, log_lines, training_request, until
from tests.scripted import GROUP, PYTHON, files, printed, scripted

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator("docker", tmp_path_factory.mktemp("data")).start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="train/deep/a.csv", Body=b"1,2\n")
    s3.put_object(Bucket="bucket", Key="validation/b.csv", Body=b"3,4\n")
    yield running
    assert running.stop() == 0, running.log()


Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(emulator: RunningEmulator, name: str) -> Train:
    """Start a job that runs a Python script and answer its description at its end."""

    def run(script: str, image: str = PYTHON, **members: Any) -> dict[str, Any]:
        sagemaker = emulator.client("sagemaker")
        sagemaker.create_training_job(**scripted(name, script, image, **members))
        return ended(sagemaker, name)

    return run


def test_the_container_finds_its_channels_configuration_and_environment(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    job = train(
        """
        import json, os, pathlib, socket
        ml = pathlib.Path('/opt/ml')
        found = {
            'files': sorted(str(p.relative_to(ml)) for p in ml.rglob('*') if p.is_file()),
            'resources': json.loads((ml / 'input/config/resourceconfig.json').read_text()),
            'channels': json.loads((ml / 'input/config/inputdataconfig.json').read_text()),
            'environment': dict(os.environ),
            'host': socket.gethostbyname('algo-1') != '',
            'interfaces': [name for _, name in socket.if_nameindex()],
        }
        (ml / 'model' / 'found.json').write_text(json.dumps(found))
        (ml / 'output/data' / 'extra.txt').write_text('extra')
        """,
        Environment={"COLOUR": "blue"},
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = json.loads(files(emulator, name, "model.tar.gz")["found.json"])
    assert files(emulator, name, "output.tar.gz") == {"extra.txt": b"extra"}
    assert found["files"] == [
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "input/data/train/deep/a.csv",
        "input/data/validation/b.csv",
    ]
    assert found["resources"]["current_host"] == "algo-1"
    assert found["resources"]["network_interface_name"] in found["interfaces"]
    assert found["host"]
    assert set(found["channels"]) == {"train", "validation"}
    environment = found["environment"]
    assert environment["TRAINING_JOB_NAME"] == name
    assert environment["TRAINING_JOB_ARN"] == job["TrainingJobArn"]
    assert (environment["COLOUR"], environment["AWS_REGION"]) == ("blue", "us-east-1")
    assert environment["AWS_ENDPOINT_URL"].startswith("http://")


def test_code_in_the_container_speaks_to_the_emulator_under_its_role(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    job = train(
        """
        import os, urllib.request
        key = os.environ['AWS_ACCESS_KEY_ID']
        scope = f'{key}/20260101/us-east-1/sts/aws4_request'
        signed = {'Authorization': f'AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0'}
        body = b'Action=GetCallerIdentity&Version=2011-06-15'
        request = urllib.request.Request(os.environ['AWS_ENDPOINT_URL'], body, signed)
        open('/opt/ml/model/identity.xml', 'wb').write(urllib.request.urlopen(request, timeout=20).read())
        """
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    identity = files(emulator, name, "model.tar.gz")["identity.xml"].decode()
    assert f":assumed-role/{ROLE.rsplit('/', 1)[-1]}/SageMaker" in identity


def test_a_failure_file_and_the_exit_code_become_the_reason(train: Train) -> None:
    job = train("open('/opt/ml/output/failure', 'w').write('no such luck'); raise SystemExit(42)")
    assert job["FailureReason"] == "AlgorithmError: no such luck, exit code: 42"


def test_a_failed_job_keeps_its_output(emulator: RunningEmulator, train: Train, name: str) -> None:
    assert train("open('/opt/ml/output/data/notes', 'w').write('n'); raise SystemExit(1)")["FailureReason"] == (
        "AlgorithmError: , exit code: 1"
    )
    assert files(emulator, name, "output.tar.gz") == {"notes": b"n"}


def test_running_out_of_memory_is_told_as_such(train: Train) -> None:
    # ml.t3.medium has 4 GiB; touching more than the limit of the container gets it killed
    request = {"ResourceConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}}
    job = train("block = bytearray(6 << 30); block[::4096] = b'x' * len(block[::4096])", **request)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Please use an instance type with more memory")


def test_a_command_that_the_image_does_not_have_is_named(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**training_request(name, "bucket", PYTHON))  # that image has no `train`
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert "train" in job["FailureReason"]


def test_arguments_alone_keep_the_images_entrypoint(emulator: RunningEmulator, name: str) -> None:
    request = training_request(name, "bucket", program_image.build())
    request["AlgorithmSpecification"]["ContainerArguments"] = ["end", "7"]
    emulator.client("sagemaker").create_training_job(**request)
    assert ended(emulator.client("sagemaker"), name)["FailureReason"] == "AlgorithmError: , exit code: 7"


def test_an_isolated_container_has_no_network_and_no_credentials(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    job = train(
        """
        import json, os, socket
        names = [n for _, n in socket.if_nameindex()]
        secrets = [n for n in os.environ if n.startswith('AWS_') and ('KEY' in n or 'ENDPOINT' in n)]
        open('/opt/ml/model/seen.json', 'w').write(json.dumps([names, secrets]))
        """,
        EnableNetworkIsolation=True,
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    interfaces, secrets = json.loads(files(emulator, name, "model.tar.gz")["seen.json"])
    assert [interface for interface in interfaces if not interface.startswith(("lo", "tunl", "sit", "ip6"))] == []
    assert secrets == []


def test_a_stop_lets_the_container_save_within_its_grace(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    script = """
        import signal, sys
        def save(*_):
            open('/opt/ml/model/saved', 'w').write('saved')
            sys.exit(0)
        signal.signal(signal.SIGTERM, save)
        print('waiting')
        while True:
            signal.pause()
    """
    sagemaker.create_training_job(**scripted(name, script))
    until(lambda: printed(emulator, name, "waiting"), what="the container waits")
    sagemaker.stop_training_job(TrainingJobName=name)
    assert ended(sagemaker, name)["TrainingJobStatus"] == "Stopped"
    assert files(emulator, name, "model.tar.gz") == {"saved": b"saved"}


def test_a_container_removed_by_somebody_else_fails_the_job_and_says_so(emulator: RunningEmulator, name: str) -> None:
    import docker

    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**scripted(name, "import time; print('waiting'); time.sleep(600)"))
    until(lambda: printed(emulator, name, "waiting"), what="the container waits")
    client = docker.from_env()
    (container,) = client.containers.list(filters={"name": name})
    container.remove(force=True)
    client.close()
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        ("InternalServerError: the training container was removed", "AlgorithmError: ")
    )


def test_many_lines_reach_the_log_complete_and_in_order(emulator: RunningEmulator, train: Train, name: str) -> None:
    assert train("[print(n) for n in range(50000)]")["TrainingJobStatus"] == "Completed"
    assert [int(line) for line in log_lines(emulator.client("logs"), GROUP, f"{name}/")] == list(range(50000))


def test_a_container_cannot_bring_files_of_the_host_out(emulator: RunningEmulator, train: Train, name: str) -> None:
    job = train(
        """
        import os, pathlib
        output = pathlib.Path('/opt/ml/output')
        (output / 'failure').symlink_to('/etc/hostname')
        (output / 'data').rmdir()
        (output / 'data').symlink_to('/etc')
        raise SystemExit(1)
        """
    )
    assert job["FailureReason"].startswith("AlgorithmError: (the failure file could not be read")
    assert files(emulator, name, "output.tar.gz") == {}


def test_an_image_with_a_user_of_its_own_reads_its_data_and_writes_its_model(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    image = "sagemaker-emulator-test/own-user:latest"
    client = docker.from_env()
    try:
        client.images.build(fileobj=io.BytesIO(f"FROM {PYTHON}\nUSER 4321".encode()), tag=image, rm=True)
    finally:
        client.close()
    job = train(
        """
        import pathlib
        ml = pathlib.Path('/opt/ml')
        (ml / 'model/seen').write_text((ml / 'input/data/train/deep/a.csv').read_text())
        (ml / 'output/data/seen').write_text('')
        (ml / 'input/data/train/deep/more').write_text('')
        """,
        image,
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert files(emulator, name, "model.tar.gz") == {"seen": b"1,2\n"}


def test_files_of_the_container_belong_to_the_invoking_user(tmp_path: Path) -> None:
    import os

    emulator = RunningEmulator("docker", tmp_path).start()
    emulator.client("s3").create_bucket(Bucket="bucket")
    name = f"own-{uuid.uuid4().hex[:8]}"
    request = scripted(name, "open('/opt/ml/model/m', 'w').write('m')")
    del request["InputDataConfig"]
    emulator.client("sagemaker").create_training_job(**request)
    assert ended(emulator.client("sagemaker"), name)["TrainingJobStatus"] == "Completed"
    assert emulator.stop() == 0
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {os.getuid()}
