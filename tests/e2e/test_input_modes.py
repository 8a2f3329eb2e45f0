"""How channels reach a container: files, read-only files, pipes, manifests, file systems."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running import RunningEmulator, channel, ended, until
from tests.scripted import BUCKET, files, printed, scripted

pytestmark = pytest.mark.docker

FILE_SYSTEM = "fs-0123456789abcdef0"


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of file systems with one in it."""
    root = tmp_path_factory.mktemp("shares")
    (root / FILE_SYSTEM / "data").mkdir(parents=True)
    (root / FILE_SYSTEM / "data" / "a.txt").write_text("shared")
    return root


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, shares: Path) -> Iterator[RunningEmulator]:
    running = RunningEmulator("docker", tmp_path_factory.mktemp("data"), "--file-systems", str(shares)).start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for letter in "abc":
        s3.put_object(Bucket=BUCKET, Key=f"train/deep/{letter}", Body=letter.encode() * 3)
        s3.put_object(Bucket=BUCKET, Key=f"packed/{letter}.gz", Body=gzip.compress(letter.encode() * 3))
    yield running
    assert running.stop() == 0, running.log()


Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(emulator: RunningEmulator, name: str) -> Train:
    """Run a script with one channel called train and answer the job's description at its end."""

    def run(script: str, uri: str = f"s3://{BUCKET}/train/", **members: Any) -> dict[str, Any]:
        sagemaker = emulator.client("sagemaker")
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, **members.pop("source", {})}
        wanted = channel("train", uri, **members)
        wanted["DataSource"]["S3DataSource"] = source
        sagemaker.create_training_job(**scripted(name, script, InputDataConfig=[wanted]))
        return ended(sagemaker, name)

    return run


def found(emulator: RunningEmulator, name: str) -> Any:
    return json.loads(files(emulator, name)["found.json"])


# Reads epochs as AWS describes it: a pipe for each, which may have to be waited for.
EPOCHS = """
    import json, os, time
    def epoch(number, most=-1):
        path = f'/opt/ml/input/data/train_{number}'
        while not os.path.exists(path):
            time.sleep(0.01)
        with open(path, 'rb') as pipe:
            return pipe.read(most)
    def leave(found):
        json.dump(found, open('/opt/ml/model/found.json', 'w'))
"""


def test_a_pipe_gives_every_object_in_order_in_each_epoch(emulator: RunningEmulator, train: Train, name: str) -> None:
    job = train(EPOCHS + "    leave([epoch(n).decode() for n in range(3)])", InputMode="Pipe")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(emulator, name) == ["aaabbbccc"] * 3


def test_a_pipe_that_is_closed_early_ends_its_epoch(emulator: RunningEmulator, train: Train, name: str) -> None:
    train(EPOCHS + "    leave([epoch(0, 4).decode(), epoch(1).decode()])", InputMode="Pipe")
    assert found(emulator, name) == ["aaab", "aaabbbccc"]


def test_the_channel_says_that_it_is_a_pipe_and_has_no_directory(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    script = (
        EPOCHS
        + """
    told = json.load(open('/opt/ml/input/config/inputdataconfig.json'))
    epoch(0)
    leave([told['train']['TrainingInputMode'], os.path.isdir('/opt/ml/input/data/train')])
"""
    )
    train(script, InputMode="Pipe")
    assert found(emulator, name) == ["Pipe", False]


def test_gzip_is_unpacked_on_the_way(emulator: RunningEmulator, train: Train, name: str) -> None:
    script = EPOCHS + "    leave(epoch(0).decode())"
    train(script, f"s3://{BUCKET}/packed/", InputMode="Pipe", CompressionType="Gzip")
    assert found(emulator, name) == "aaabbbccc"


def test_what_is_no_gzip_fails_the_job_as_a_download(emulator: RunningEmulator, train: Train) -> None:
    job = train(EPOCHS + "    leave(epoch(0).decode())", InputMode="Pipe", CompressionType="Gzip")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")


RECORDS = (
    EPOCHS
    + """
    import struct
    def records(data):
        while data:
            magic, length = struct.unpack('<II', data[:8])
            assert magic == 0xced7230a
            yield data[8:8 + length].decode()
            data = data[8 + (length + 3) // 4 * 4:]
    leave(list(records(epoch(0))))
"""
)


def test_each_object_is_a_record(emulator: RunningEmulator, train: Train, name: str) -> None:
    train(RECORDS, InputMode="Pipe", RecordWrapperType="RecordIO")
    assert found(emulator, name) == ["aaa", "bbb", "ccc"]


def test_an_augmented_manifest_gives_the_wanted_attributes_of_each_line(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    lines = [{"image-ref": f"s3://{BUCKET}/train/deep/{letter}", "label": n} for n, letter in enumerate("ba")]
    body = "\n".join(json.dumps(line) for line in lines)
    emulator.client("s3").put_object(Bucket=BUCKET, Key="lines.jsonl", Body=body.encode())
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["label", "image-ref"]}
    job = train(RECORDS, f"s3://{BUCKET}/lines.jsonl", InputMode="Pipe", RecordWrapperType="RecordIO", source=source)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(emulator, name) == ["0", "bbb", "1", "aaa"]


def test_a_shuffled_pipe_has_another_order_in_each_epoch_and_the_same_again_for_the_same_seed(
    emulator: RunningEmulator, train: Train, name: str
) -> None:
    s3 = emulator.client("s3")
    for number in range(20):
        s3.put_object(Bucket=BUCKET, Key=f"many/{number:02}", Body=b"%02d." % number)
    orders = []
    sagemaker = emulator.client("sagemaker")
    for attempt in range(2):
        wanted = channel("train", f"s3://{BUCKET}/many/", InputMode="Pipe", ShuffleConfig={"Seed": 7})
        script = EPOCHS + "    leave([epoch(0).decode(), epoch(1).decode()])"
        sagemaker.create_training_job(**scripted(f"{name}-{attempt}", script, InputDataConfig=[wanted]))
        job = ended(sagemaker, f"{name}-{attempt}")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        orders.append(found(emulator, f"{name}-{attempt}"))
    assert orders[0] == orders[1]
    first, second = (order.rstrip(".").split(".") for order in orders[0])
    assert first != second
    assert sorted(first) == sorted(second) == [f"{number:02}" for number in range(20)]


def test_a_pipe_flows_on_while_the_emulator_is_killed(tmp_path: Path, name: str) -> None:
    running = RunningEmulator("docker", tmp_path).start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for letter in "abcd":
        s3.put_object(Bucket=BUCKET, Key=f"train/{letter}", Body=letter.encode() * (8 << 20))
    script = (
        EPOCHS
        + """
    import hashlib
    digest, pipe = hashlib.sha256(), open('/opt/ml/input/data/train_0', 'rb')
    digest.update(pipe.read(1 << 20))
    print('reading')
    time.sleep(4)
    while part := pipe.read(1 << 20):
        digest.update(part)
    leave([digest.hexdigest(), len(epoch(1))])
"""
    )
    wanted = channel("train", f"s3://{BUCKET}/train/", InputMode="Pipe")
    running.client("sagemaker").create_training_job(**scripted(name, script, InputDataConfig=[wanted]))
    until(lambda: printed(running, name, "reading"), what="the container reads")
    running.kill()
    running.start()
    job = ended(running.client("sagemaker"), name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    whole = "".join(letter * (8 << 20) for letter in "abcd").encode()
    assert found(running, name) == [hashlib.sha256(whole).hexdigest(), len(whole)]
    assert running.stop() == 0, running.log()


def test_fast_files_are_there_and_cannot_be_changed(emulator: RunningEmulator, train: Train, name: str) -> None:
    script = """
        import json, os, pathlib
        root = pathlib.Path('/opt/ml/input/data/train')
        def refused(act):
            try:
                act()
            except OSError:
                return True
            return False
        found = [
            sorted(str(p.relative_to(root)) for p in root.rglob('*') if p.is_file()),
            (root / 'deep/a').read_text(),
            refused(lambda: (root / 'new').touch()),
            refused(lambda: (root / 'deep/a').write_text('x')),
            refused(lambda: (root / 'deep/a').unlink()),
        ]
        json.dump(found, open('/opt/ml/model/found.json', 'w'))
    """
    job = train(script, InputMode="FastFile")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(emulator, name) == [["deep/a", "deep/b", "deep/c"], "aaa", True, True, True]


def test_a_part_of_a_folders_name_is_no_prefix_for_fast_files(train: Train) -> None:
    job = train("pass", f"s3://{BUCKET}/tra", InputMode="FastFile")
    assert job["FailureReason"].startswith("ClientError: Data download failed:Failed to download data. For FastFile")


LIST = """
    import json, pathlib
    root = pathlib.Path('/opt/ml/input/data/train')
    found = {str(p.relative_to(root)): p.read_text() for p in root.rglob('*') if p.is_file()}
    json.dump(found, open('/opt/ml/model/found.json', 'w'))
"""


def test_a_manifest_names_the_objects(emulator: RunningEmulator, train: Train, name: str) -> None:
    manifest = [{"prefix": f"s3://{BUCKET}/train/"}, "deep/a", "deep/c"]
    emulator.client("s3").put_object(Bucket=BUCKET, Key="manifest", Body=json.dumps(manifest).encode())
    job = train(LIST, f"s3://{BUCKET}/manifest", source={"S3DataType": "ManifestFile"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(emulator, name) == {"deep/a": "aaa", "deep/c": "ccc"}


@pytest.mark.parametrize("body", [b"no json", b"[]", b'["a"]', b'[{"prefix": "s3://bucket/train/"}, "missing"]'])
def test_a_bad_manifest_fails_the_download_and_says_why(emulator: RunningEmulator, train: Train, body: bytes) -> None:
    emulator.client("s3").put_object(Bucket=BUCKET, Key="bad-manifest", Body=body)
    job = train(LIST, f"s3://{BUCKET}/bad-manifest", source={"S3DataType": "ManifestFile"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")


def file_system(mode: str, directory: str = "/data") -> dict[str, Any]:
    source = {
        "FileSystemId": FILE_SYSTEM,
        "FileSystemType": "EFS",
        "FileSystemAccessMode": mode,
        "DirectoryPath": directory,
    }
    return {"ChannelName": "train", "DataSource": {"FileSystemDataSource": source}}


MODES = ["File", "Pipe"]
VPC = {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}


@pytest.mark.parametrize(("mode", "written"), [("ro", False), ("rw", True)])
def test_a_file_system_is_a_directory_of_this_machine(
    emulator: RunningEmulator, shares: Path, name: str, mode: str, written: bool
) -> None:
    script = f"""
        import pathlib
        root = pathlib.Path('/opt/ml/input/data/train')
        (pathlib.Path('/opt/ml/model') / 'found.json').write_text('"' + (root / 'a.txt').read_text() + '"')
        try:
            (root / '{mode}.txt').write_text('new')
        except OSError:
            pass
    """
    sagemaker = emulator.client("sagemaker")
    request = scripted(name, script, InputDataConfig=[file_system(mode)], **VPC)
    sagemaker.create_training_job(**request)
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(emulator, name) == "shared"
    assert (shares / FILE_SYSTEM / "data" / f"{mode}.txt").exists() == written
    assert sagemaker.describe_training_job(TrainingJobName=name)["VpcConfig"] == VPC["VpcConfig"]


@pytest.mark.parametrize("directory", ["/missing", "/../outside"])
def test_a_directory_that_a_file_system_does_not_have_is_refused(
    emulator: RunningEmulator, name: str, directory: str
) -> None:
    request = scripted(name, "pass", InputDataConfig=[file_system("ro", directory)], **VPC)
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        emulator.client("sagemaker").create_training_job(**request)


def test_twenty_channels_all_arrive(emulator: RunningEmulator, name: str) -> None:
    wanted = [channel(f"c{number}", f"s3://{BUCKET}/train/", InputMode=mode) for number, mode in enumerate(MODES * 10)]
    script = """
        import json, os
        root = '/opt/ml/input/data'
        for number in range(1, 20, 2):
            assert open(f'{root}/c{number}_0', 'rb').read() == b'aaabbbccc'
        found = sorted(each for each in os.listdir(root) if os.path.isdir(f'{root}/{each}/deep'))
        json.dump(found, open('/opt/ml/model/found.json', 'w'))
    """
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_training_job(**scripted(name, script, InputDataConfig=wanted))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(emulator, name) == sorted(f"c{number}" for number in range(0, 20, 2))
