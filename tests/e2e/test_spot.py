"""Checkpoints, and spot jobs that lose their instances and go on from them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from emulator.testing import Control
from tests.running import RunningEmulator, ended, until
from tests.scripted import BUCKET, files, keys, printed, scripted, statuses, stored

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator("docker", tmp_path_factory.mktemp("data"), "--control").start()
    running.client("s3").create_bucket(Bucket=BUCKET)
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture
def control(emulator: RunningEmulator) -> Iterator[Control]:
    with Control(emulator.url) as control:
        yield control


def request(name: str, script: str, **members: object) -> dict[str, object]:
    found = scripted(name, script, **members)
    del found["InputDataConfig"]
    return found


def checkpoints(name: str, **members: str) -> dict[str, object]:
    return {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}/", **members}}


SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200},
}


@pytest.mark.parametrize("path", ["/opt/ml/checkpoints", "/tmp/checkpoints", "/opt/ml/model/inner"])
def test_checkpoints_come_down_before_the_start_and_go_up_when_they_change(
    emulator: RunningEmulator, name: str, path: str
) -> None:
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    for key in ("old", "deep/kept"):
        s3.put_object(Bucket=BUCKET, Key=f"checkpoints/{name}/{key}", Body=b"before")
    script = f"""
        import os, pathlib, time, urllib.request
        root = pathlib.Path('{path}')
        assert (root / 'old').read_text() == (root / 'deep/kept').read_text() == 'before'
        (root / 'new').write_text('during')
        (root / 'old').unlink()
        scope = os.environ['AWS_ACCESS_KEY_ID'] + '/20260101/us-east-1/s3/aws4_request'
        signed = {{'Authorization': f'AWS4-HMAC-SHA256 Credential={{scope}}, SignedHeaders=host, Signature=0'}}
        def told():
            request = urllib.request.Request(os.environ['S3_ENDPOINT_URL'] + '/{BUCKET}/go/{name}', headers=signed)
            try:
                return urllib.request.urlopen(request, timeout=20)
            except OSError:
                return None
        while not told():
            time.sleep(0.05)
        (root / 'last').write_text('at the end')
    """
    local = {} if path == "/opt/ml/checkpoints" else {"LocalPath": path}
    sagemaker.create_training_job(**request(name, script, **checkpoints(name, **local)))
    until(lambda: keys(emulator, f"checkpoints/{name}/") == ["deep/kept", "new"], what="the changes are in S3")
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    s3.put_object(Bucket=BUCKET, Key=f"go/{name}", Body=b"")
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert keys(emulator, f"checkpoints/{name}/") == ["deep/kept", "last", "new"]
    assert stored(emulator, f"checkpoints/{name}/last") == b"at the end"


def test_tensorboard_output_and_debugger_tensors_go_up_too(emulator: RunningEmulator, name: str) -> None:
    script = """
        import os
        for place in ('/opt/ml/output/tensorboard', '/opt/ml/output/tensors'):
            os.makedirs(place)
            open(place + '/events', 'w').write(place)
    """
    members = {
        "TensorBoardOutputConfig": {"S3OutputPath": f"s3://{BUCKET}/boards"},
        "DebugHookConfig": {"S3OutputPath": f"s3://{BUCKET}/tensors"},
    }
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request(name, script, **members))
    assert ended(sagemaker, name)["TrainingJobStatus"] == "Completed"
    assert stored(emulator, f"boards/{name}/tensorboard-output/events") == b"/opt/ml/output/tensorboard"
    assert stored(emulator, f"tensors/{name}/debug-output/events") == b"/opt/ml/output/tensors"


COUNTING = """
    import os, pathlib, signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    state = pathlib.Path('/opt/ml/checkpoints/state')
    epoch = int(state.read_text()) if state.exists() else 0
    print('begins at', epoch)
    while epoch < 40:
        epoch += 1
        draft = state.with_suffix('.draft')
        draft.write_text(str(epoch))
        draft.rename(state)
        time.sleep(0.1)
    pathlib.Path('/opt/ml/model/epochs').write_text(str(epoch))
"""


def test_an_interrupted_spot_job_resumes_from_its_checkpoint(
    emulator: RunningEmulator, control: Control, name: str
) -> None:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request(name, COUNTING, **SPOT, **checkpoints(name)))
    until(lambda: "state" in keys(emulator, f"checkpoints/{name}/"), what="the first checkpoint is in S3")
    control.interrupt(name)
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert files(emulator, name) == {"epochs": b"40"}
    assert printed(emulator, name, "begins at 0")
    resumed = [at for at in range(1, 41) if printed(emulator, name, f"begins at {at}")]
    assert len(resumed) == 1
    streams = emulator.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )
    assert len(streams["logStreams"]) == 2
    assert 0 < job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


def test_a_spot_job_can_be_interrupted_by_a_rule_made_before_it(
    emulator: RunningEmulator, control: Control, name: str
) -> None:
    control.interrupt(name, after_seconds=0.5)
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request(name, COUNTING, **SPOT, **checkpoints(name)))
    assert statuses(ended(sagemaker, name)).count("Interrupted") == 1


def test_a_job_on_demand_is_not_interrupted(emulator: RunningEmulator, control: Control, name: str) -> None:
    control.interrupt(name)
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request(name, "pass"))
    job = ended(sagemaker, name)
    assert "Interrupted" not in statuses(job)
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"]


WAITING = """
    import signal, sys
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print('on')
    signal.pause()
"""


def test_a_spot_job_that_waits_too_long_ends_under_that_status(
    emulator: RunningEmulator, control: Control, name: str
) -> None:
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**request(name, WAITING, **SPOT))
    until(lambda: printed(emulator, name, "on"), what="it runs")
    control.shift_clock(1200)
    # The run time is shorter than the wait, so the clock has passed both; the runtime's alarm comes first.
    assert ended(sagemaker, name)["SecondaryStatus"] in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded")


@pytest.mark.parametrize(
    ("spot", "limits"),
    [
        (True, {"MaxRuntimeInSeconds": 600}),
        (True, {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 599}),
        (False, {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 700}),
    ],
)
def test_a_wait_that_does_not_fit_is_refused(
    emulator: RunningEmulator, name: str, spot: bool, limits: dict[str, int]
) -> None:
    members = {"EnableManagedSpotTraining": spot, "StoppingCondition": limits}
    with pytest.raises(ClientError, match=r"ValidationException.*MaxWaitTimeInSeconds"):
        emulator.client("sagemaker").create_training_job(**request(name, "pass", **members))
