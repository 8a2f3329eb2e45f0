"""Jobs of several hosts: who they are, how they reach each other, and how they end together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import csv
from tests.running import XGBOOST, RunningEmulator, channel, ended, log_lines, training_request, until
from tests.scripted import BUCKET, GROUP, files, instances, keys, printed, scripted

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator("docker", tmp_path_factory.mktemp("data")).start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"train/part-{number}", Body=str(number).encode())
    s3.put_object(Bucket=BUCKET, Key="validation/all", Body=b"v")
    yield running
    assert running.stop() == 0, running.log()


Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(emulator: RunningEmulator, name: str) -> Train:
    """Run a script on every host of a job and answer the job's description at its end."""

    def run(script: str, resources: dict[str, Any], **members: Any) -> dict[str, Any]:
        sagemaker = emulator.client("sagemaker")
        sagemaker.create_training_job(**scripted(name, script, ResourceConfig=resources, **members))
        return ended(sagemaker, name)

    return run


# Each host serves its own name, asks every other one for theirs, and is done when all have asked it.
MEET = """
    import json, socket, threading, time
    told = json.load(open('/opt/ml/input/config/resourceconfig.json'))
    own, others = told['current_host'], [host for host in told['hosts'] if host != told['current_host']]
    server = socket.create_server(('', 7777))
    def serve():
        for _ in others:
            with server.accept()[0] as client:
                client.sendall(own.encode())
    serving = threading.Thread(target=serve)
    serving.start()
    def ask(host):
        for _ in range(600):
            try:
                with socket.create_connection((host, 7777), timeout=5) as connection:
                    return connection.makefile().read()
            except OSError:
                time.sleep(0.1)
    heard = {host: ask(host) for host in others}
    serving.join()
"""


def test_hosts_reach_each_other_by_name_and_know_their_places(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    script = MEET + "    json.dump([told, heard], open(f'/opt/ml/model/{own}', 'w'))\n"
    job = train(script, instances(3))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    left = {host: json.loads(text) for host, text in files(emulator, name).items()}
    assert sorted(left) == ["algo-1", "algo-2", "algo-3"]
    for host, (told, heard) in left.items():
        assert told["hosts"] == ["algo-1", "algo-2", "algo-3"]
        assert told["current_host"] == host
        assert heard == {other: other for other in left if other != host}


def test_two_clusters_side_by_side_do_not_meet(emulator: RunningEmulator, name: str) -> None:
    sagemaker = emulator.client("sagemaker")
    names = [f"{name}-{number}" for number in range(2)]
    script = MEET + "    open(f'/opt/ml/model/{own}', 'w').write(str(heard))\n"
    for each in names:
        sagemaker.create_training_job(**scripted(each, script, ResourceConfig=instances(2)))
    for each in names:
        job = ended(sagemaker, each)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert files(emulator, each) == {"algo-1": b"{'algo-2': 'algo-2'}", "algo-2": b"{'algo-1': 'algo-1'}"}


def test_groups_of_different_instances_are_numbered_through_and_get_their_own_channels(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    groups = [
        {"InstanceGroupName": "big", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "small", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ]
    only_big = channel("validation", f"s3://{BUCKET}/validation")
    only_big["DataSource"]["S3DataSource"]["InstanceGroupNames"] = ["big"]
    script = """
        import json, os
        told = json.load(open('/opt/ml/input/config/resourceconfig.json'))
        found = [told['current_group_name'], told['current_instance_type'], sorted(os.listdir('/opt/ml/input/data'))]
        json.dump(found, open('/opt/ml/model/' + told['current_host'], 'w'))
    """
    job = train(
        script,
        {"InstanceGroups": groups, "VolumeSizeInGB": 1},
        InputDataConfig=[channel("train", f"s3://{BUCKET}/train"), only_big],
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert {host: json.loads(text) for host, text in files(emulator, name).items()} == {
        "algo-1": ["big", "ml.m5.xlarge", ["train", "validation"]],
        "algo-2": ["small", "ml.m5.large", ["train"]],
        "algo-3": ["small", "ml.m5.large", ["train"]],
    }


def test_sharded_channels_give_each_object_to_one_host(emulator: RunningEmulator, train: Train, name: str) -> None:
    sharded = channel("train", f"s3://{BUCKET}/train")
    sharded["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    script = """
        import json, os
        host = json.load(open('/opt/ml/input/config/resourceconfig.json'))['current_host']
        json.dump(sorted(os.listdir('/opt/ml/input/data/train')), open('/opt/ml/model/' + host, 'w'))
    """
    job = train(script, instances(2), InputDataConfig=[sharded, channel("validation", f"s3://{BUCKET}/validation")])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    shares = [json.loads(text) for text in files(emulator, name).values()]
    assert sorted(len(share) for share in shares) == [2, 3]
    assert sorted(shares[0] + shares[1]) == [f"part-{number}" for number in range(5)]


HOST = "import json; host = json.load(open('/opt/ml/input/config/resourceconfig.json'))['current_host']\n"


def test_a_host_that_fails_ends_the_job_and_gives_its_reason(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    script = f"""
        {HOST}
        import time
        open('/opt/ml/output/data/' + host, 'w').write('')
        if host == 'algo-2':
            open('/opt/ml/output/failure', 'w').write('the second one')
            raise SystemExit(9)
        time.sleep(600)
    """
    job = train(script, instances(2))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: the second one, exit code: 9"
    assert "algo-2" in files(emulator, name, "output.tar.gz")


def test_artifacts_of_all_hosts_are_one_archive(emulator: RunningEmulator, train: Train, name: str) -> None:
    script = f"""
        {HOST}
        import os
        os.makedirs('/opt/ml/model/shared')
        open('/opt/ml/model/shared/' + host, 'w').write(host)
        open('/opt/ml/output/data/' + host, 'w').write(host)
    """
    train(script, instances(2))
    both = {"algo-1": b"algo-1", "algo-2": b"algo-2"}
    assert files(emulator, name) == {f"shared/{host}": text for host, text in both.items()}
    assert files(emulator, name, "output.tar.gz") == both


def test_uncompressed_artifacts_of_all_hosts_lie_below_one_prefix(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    script = f"{HOST}        \nopen('/opt/ml/model/' + host, 'w').write(host)\n"
    output = {"S3OutputPath": f"s3://{BUCKET}/out", "CompressionType": "NONE"}
    job = train(script, instances(2), OutputDataConfig=output)
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/{name}/output/model/"
    assert keys(emulator, f"out/{name}/output/") == ["model/algo-1", "model/algo-2"]


def test_each_host_has_a_log_stream_of_its_own(emulator: RunningEmulator, train: Train, name: str) -> None:
    train(f"{HOST}print('here is', host)", instances(2))
    logs = emulator.client("logs")
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    assert [stream["logStreamName"].rpartition("-")[0] for stream in streams] == [f"{name}/algo-1", f"{name}/algo-2"]
    for host in ("algo-1", "algo-2"):
        assert log_lines(logs, GROUP, f"{name}/{host}-") == [f"here is {host}"]


def test_a_stop_stops_every_host_and_keeps_what_they_saved(emulator: RunningEmulator, name: str) -> None:
    script = f"""
        {HOST}
        import signal, sys
        def save(*_):
            open('/opt/ml/model/' + host, 'w').write('saved')
            sys.exit(0)
        signal.signal(signal.SIGTERM, save)
        print('waiting', host)
        while True:
            signal.pause()
    """
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**scripted(name, script, ResourceConfig=instances(2)))
    for host in ("algo-1", "algo-2"):
        until(lambda host=host: printed(emulator, name, f"waiting {host}"), what=f"{host} waits")
    sagemaker.stop_training_job(TrainingJobName=name)
    assert ended(sagemaker, name)["TrainingJobStatus"] == "Stopped"
    assert files(emulator, name) == {"algo-1": b"saved", "algo-2": b"saved"}


def test_isolated_hosts_reach_each_other_and_nothing_else(emulator: RunningEmulator, train: Train, name: str) -> None:
    script = (
        MEET
        + """
    import os
    def reaches(address):
        try:
            socket.create_connection(address, timeout=3).close()
        except OSError:
            return False
        return True
    secrets = [n for n in os.environ if n.startswith('AWS_') and ('KEY' in n or 'ENDPOINT' in n)]
    found = [heard, reaches(('1.1.1.1', 53)), secrets]
    json.dump(found, open(f'/opt/ml/model/{own}', 'w'))
"""
    )
    job = train(script, instances(2), EnableNetworkIsolation=True)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    left = {host: json.loads(text) for host, text in files(emulator, name).items()}
    assert left["algo-1"] == [{"algo-2": "algo-2"}, False, []]
    assert left["algo-2"] == [{"algo-1": "algo-1"}, False, []]


def test_a_cluster_in_training_is_found_again_after_a_kill(tmp_path: Any, name: str) -> None:
    emulator = RunningEmulator("docker", tmp_path).start()
    emulator.client("s3").create_bucket(Bucket=BUCKET)
    script = f"""
        {HOST}
        import os, time
        print('waiting', host)
        time.sleep(3)
        open('/opt/ml/model/' + host, 'w').write('done')
    """
    request = scripted(name, script, ResourceConfig=instances(2))
    del request["InputDataConfig"]
    emulator.client("sagemaker").create_training_job(**request)
    until(lambda: printed(emulator, name, "waiting algo-2"), what="the second host runs")
    emulator.kill()
    emulator.start()
    job = ended(emulator.client("sagemaker"), name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert files(emulator, name) == {"algo-1": b"done", "algo-2": b"done"}
    assert emulator.stop() == 0, emulator.log()


def test_distributed_xgboost_is_as_good_as_that_of_one_host(
    emulator: RunningEmulator, cancer: tuple[Any, Any], name: str
) -> None:
    import numpy as np

    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    table = np.column_stack([cancer[1], cancer[0]])
    for part in range(4):
        s3.put_object(Bucket=BUCKET, Key=f"{name}/train/{part}.csv", Body=csv(table[:450][part::4]))
    s3.put_object(Bucket=BUCKET, Key=f"{name}/validation/all.csv", Body=csv(table[450:]))
    quality = {}
    for count in (1, 2):
        job = f"{name}-{count}"
        request = training_request(job, BUCKET, XGBOOST, ResourceConfig=instances(count))
        request["HyperParameters"] |= {"eval_metric": "auc", "num_round": "30"}
        request["InputDataConfig"] = [
            channel("train", f"s3://{BUCKET}/{name}/train/"),
            channel("validation", f"s3://{BUCKET}/{name}/validation/"),
        ]
        source = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]
        source["S3DataDistributionType"] = "ShardedByS3Key"
        sagemaker.create_training_job(**request)
        described = ended(sagemaker, job)
        assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
        assert list(files(emulator, job)) == ["xgboost-model"]
        metrics = {metric["MetricName"]: metric["Value"] for metric in described["FinalMetricDataList"]}
        quality[count] = metrics["validation:auc"]
    assert quality[1] > 0.97
    assert abs(quality[1] - quality[2]) < 0.01
