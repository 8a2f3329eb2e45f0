"""A job's input and the objects it was staged from: whatever a container does to the one, the other stays."""

from __future__ import annotations

import io
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from emulator.engines.docker.engine import DockerEngine
from emulator.objects.placing import How, Piece, place
from tests.docker import program_image
from tests.running import RunningEmulator, channel, ended, log_lines, training_request, until

pytestmark = pytest.mark.docker

GROUP = "/aws/sagemaker/TrainingJobs"
CONTENT = b"stored\n" * 100_000


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    program_image.build()
    running = RunningEmulator("docker", tmp_path).start()
    running.client("s3").create_bucket(Bucket="bucket")
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture
def identity(emulator: RunningEmulator) -> str:
    return (emulator.data_dir / "emulator-id").read_text()


@pytest.fixture(scope="module")
def client() -> Iterator[docker.APIClient]:
    client = docker.APIClient(version="auto")
    yield client
    client.close()


@pytest.fixture(params=["root", "a user of its own"])
def image(request: pytest.FixtureRequest, client: docker.APIClient) -> Iterator[str]:
    if request.param == "root":
        yield program_image.build()
        return
    tag = f"sagemaker-emulator-test/own-user:{uuid.uuid4().hex[:8]}"
    dockerfile = io.BytesIO(f"FROM {program_image.build()}\nUSER 4321".encode())
    assert all("error" not in step for step in client.build(fileobj=dockerfile, tag=tag, rm=True, decode=True))
    yield tag
    client.remove_image(tag, force=True)


def request_of(name: str, image: str, script: str) -> dict[str, Any]:
    """A job whose only channel is ``code``, where ``script`` lies as run.py beside data.bin."""
    request = training_request(name, "bucket", image)
    request["InputDataConfig"] = [channel("code", "s3://bucket/code/")]
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["python3", "-u"],
        "ContainerArguments": [f"/opt/ml/input/data/code/{script}"],
    }
    return request


def upload(emulator: RunningEmulator, key: str, body: str | bytes) -> None:
    content = textwrap.dedent(body) if isinstance(body, str) else body
    emulator.client("s3").put_object(Bucket="bucket", Key=f"code/{key}", Body=content)


def stored(emulator: RunningEmulator) -> dict[str, tuple[bytes, str]]:
    """Every object of the channel with its ETag."""
    s3 = emulator.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="bucket", Prefix="code/")["Contents"]]
    got = {key: s3.get_object(Bucket="bucket", Key=key) for key in keys}
    return {key: (found["Body"].read(), found["ETag"]) for key, found in got.items()}


def volumes(client: docker.APIClient, identity: str) -> list[str]:
    found = client.volumes(filters={"label": f"sagemaker-emulator.id={identity}"})["Volumes"] or []
    return [volume["Name"] for volume in found]


SPOIL = """
    import os, pathlib
    code = pathlib.Path('/opt/ml/input/data/code')
    names = ['overwrite', 'append', 'truncate', 'remove', 'replace']
    assert {name: (code / name).read_bytes() for name in names} == dict.fromkeys(names, b'stored\\n' * 100_000)
    (code / 'overwrite').write_bytes(b'mine')
    with (code / 'append').open('ab') as file:
        file.write(b'mine')
    os.truncate(code / 'truncate', 3)
    (code / 'remove').unlink()
    (code / 'new').write_bytes(b'mine')
    (code / 'new').replace(code / 'replace')
    (pathlib.Path('/opt/ml/input') / 'beside').write_text('')
    if os.getuid() == 0:
        for path in code.iterdir():
            path.chmod(path.stat().st_mode | 0o111)
    assert (code / 'append').stat().st_size == 700_004
"""


def test_a_second_job_sees_the_original_of_what_the_first_spoilt(emulator: RunningEmulator, image: str) -> None:
    for name in ("overwrite", "append", "truncate", "remove", "replace"):
        upload(emulator, name, CONTENT)
    upload(emulator, "spoil.py", SPOIL)
    before = stored(emulator)
    for name in ("first", "second"):
        emulator.client("sagemaker").create_training_job(**request_of(name, image, "spoil.py"))
        job = ended(emulator.client("sagemaker"), name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert stored(emulator) == before


def waiting(emulator: RunningEmulator, name: str) -> bool:
    logs = emulator.client("logs")
    try:
        return "waiting" in log_lines(logs, GROUP, f"{name}/")
    except logs.exceptions.ResourceNotFoundException:
        return False


WAIT = """
    import pathlib, time
    code = pathlib.Path('/opt/ml/input/data/code')
    (code / 'data').write_text('mine')
    print('waiting')
    while not pathlib.Path('/opt/ml/output/data/go').exists():
        time.sleep(0.05)
    pathlib.Path('/opt/ml/model/seen').write_text((code / 'data').read_text())
"""


def test_a_channel_is_linked_and_nothing_is_left_of_it_after_a_kill(
    emulator: RunningEmulator, identity: str, client: docker.APIClient, linking: None
) -> None:
    upload(emulator, "data", CONTENT)
    upload(emulator, "wait.py", WAIT)
    before = stored(emulator)
    emulator.client("sagemaker").create_training_job(**request_of("job", program_image.IMAGE, "wait.py"))
    until(lambda: waiting(emulator, "job"), what="the container waits")
    (staged,) = emulator.data_dir.glob("work/training-job/*/algo-1/ml/input/data/code/data")
    assert staged.read_bytes() == CONTENT
    assert staged.stat().st_nlink == 2
    emulator.kill()
    assert volumes(client, identity)
    emulator.start()
    assert volumes(client, identity)
    (staged.parents[3] / "output" / "data" / "go").touch()
    job = ended(emulator.client("sagemaker"), "job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert stored(emulator) == before
    until(lambda: not volumes(client, identity), what="the volumes are removed")
    until(lambda: not list(emulator.data_dir.glob("work/*/*")), what="the job's files are removed")


def test_a_job_that_was_deleted_in_a_crash_leaves_no_volume(
    emulator: RunningEmulator, identity: str, client: docker.APIClient, linking: None
) -> None:
    upload(emulator, "data", CONTENT)
    upload(emulator, "wait.py", WAIT)
    emulator.client("sagemaker").create_training_job(**request_of("job", program_image.IMAGE, "wait.py"))
    until(lambda: waiting(emulator, "job"), what="the container waits")
    emulator.kill()
    (emulator.data_dir / "emulator.db").unlink()
    for left in emulator.data_dir.glob("emulator.db-*"):
        left.unlink()
    emulator.start()
    assert volumes(client, identity) == []
    assert client.containers(all=True, filters={"label": f"sagemaker-emulator.id={identity}"}) == []


@pytest.fixture
def linking(tmp_path: Path) -> None:
    """Skips where the files of this test are not linked: on a file system with reflinks they are cloned."""
    engine = DockerEngine(f"test-{uuid.uuid4().hex[:12]}")
    directory = tmp_path / "job" / "ml"
    directory.mkdir(parents=True)
    try:
        if not engine.shields(directory):
            pytest.skip("this engine cannot lay an overlay over the files of this test")
        (tmp_path / "blob").write_bytes(b"x")
        if place([Piece(tmp_path / "blob", 0, 1)], directory / "file", shared=True) is not How.LINK:
            pytest.skip("this file system has reflinks, so nothing is linked")
    finally:
        engine.close()
