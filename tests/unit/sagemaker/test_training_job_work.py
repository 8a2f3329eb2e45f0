"""The hands of a training job on an engine that is away for a while, or that refuses."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.clock import FakeClock
from emulator.controls import Controls
from emulator.engines.port import (
    ContainerGone,
    EngineAway,
    EngineClosed,
    EngineError,
    Exit,
    Handle,
    LaunchSpec,
    LogLine,
    State,
    Usage,
)
from emulator.machines.machine import Command, Event, Failed
from emulator.objects.port import ObjectInfo
from emulator.optml import feeding
from emulator.sagemaker.training_job import commands, events, machine
from emulator.sagemaker.training_job.attending import LEFT_BEHIND, REMOVED
from emulator.sagemaker.training_job.life import NOUN, Claim, Terms
from emulator.sagemaker.training_job.work import TrainingJobWork
from emulator.settings import Settings
from emulator.state.store import Key, Resource

BOX = {"id": "c1"}
REQUEST = {
    "AlgorithmSpecification": {"TrainingImage": "mine"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/train"}}},
    ],
}


class Engine:
    """Raises ``fault`` the first ``faults`` times, whatever is asked; then does it."""

    def __init__(self, faults: int, fault: EngineError) -> None:
        self._faults = faults
        self._fault = fault
        self.done: list[str] = []
        self.can_shield = True
        self.launched: LaunchSpec | None = None
        self.runs = threading.Event()
        """Set while the container goes on until it is stopped."""
        self.stopped = threading.Event()
        self.waiting: State = "running"

    def _do(self, what: str) -> None:
        if self._faults:
            self._faults -= 1
            raise self._fault
        self.done.append(what)

    def require_image(self, image: str) -> str:
        self._do("require_image")
        return image

    def shields(self, _: Path) -> bool:
        self._do("shields")
        return self.can_shield

    def launch_all(self, specs: Sequence[LaunchSpec]) -> list[Handle]:
        self._do("launch")
        (self.launched,) = specs
        return [BOX]

    def state(self, _: Handle) -> State:
        self._do("state")
        return self.waiting

    def usage(self, _: Handle) -> Usage:
        raise ContainerGone("it has ended")

    def stop(self, _: Handle, __: float) -> None:
        self._do("stop")
        self.stopped.set()

    def remove(self, _: Handle) -> None:
        self._do("remove")

    def wait(self, _: Handle) -> Exit:
        self._do("wait")
        if self.runs.is_set():
            self.stopped.wait()
        return Exit(0, False, 0.0, 1.0)

    def logs(self, _: Handle) -> Iterator[LogLine]:
        return iter(())


class Bucket:
    """Takes every object, and holds one."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.placed: list[tuple[str, bool]] = []

    def list(self, bucket: str, prefix: str, **_: Any) -> Iterator[ObjectInfo]:
        return iter([ObjectInfo(f"{prefix}/a.csv", 1, "", 0.0)])

    def place(self, bucket: str, key: str, target: Path, *, shared: bool, **_: Any) -> None:
        self.placed.append((f"{bucket}/{key}", shared))
        target.touch()

    def put(self, bucket: str, key: str, body: Any, **_: Any) -> None:
        self.keys.append(f"{bucket}/{key}")


class House:
    """One job in a directory of its own, on an engine with one fault."""

    def __init__(self, root: Path, faults: int, fault: EngineError, *, files: bool = True) -> None:
        if files:
            (root / "job" / "algo-1" / "ml" / "input" / "config").mkdir(parents=True, exist_ok=True)
        self.engine = Engine(faults, fault)
        self.bucket = Bucket()
        self.closing = threading.Event()
        self.controls = Controls()
        platform: Any = SimpleNamespace(
            engine=self.engine,
            clock=FakeClock(),
            objects=self.bucket,
            logs=SimpleNamespace(write=lambda *_: None, written=lambda *_: []),
            metrics=SimpleNamespace(recorded=lambda *_: []),
            settings=Settings(),
            controls=self.controls,
            store=SimpleNamespace(scan=lambda *_: iter(())),
            supervisor=SimpleNamespace(closing=self.closing),
            endpoint_url=lambda: "http://127.0.0.1:1",
            container_credentials=lambda scope, role: {},
            directory=lambda resource: root / "job",
            work=root,
        )
        self._work = TrainingJobWork(platform)

    def do(self, command: Command, request: Mapping[str, Any] | None = None, **life: Any) -> Event | None:
        return self._work(_resource(request or {}, **life), command)


def _resource(request: Mapping[str, Any], **members: Any) -> Resource:
    life = replace(machine.begin(0.0, Terms(("algo-1",), 60.0)), **members)
    status, state = machine.TrainingJobMachine().dump(life)
    state["containers"] = {"algo-1": BOX}
    key = Key(Scope("123456789012", "us-east-1"), NOUN, "job")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/job"
    return Resource(key, "0123456789", arn, status, 0.0, 0.0, REQUEST | dict(request), state)


AWAY = EngineAway("it is not running")
REFUSED = EngineError("no")
WATCH = commands.Watch("algo-1", BOX, 1)
STOP = commands.Stop("algo-1", BOX, 120.0, 1)
COMMANDS: list[tuple[Command, Event | None, str]] = [
    (commands.Prepare(), events.Prepared(), "require_image"),
    (commands.Launch(), events.Launched({"algo-1": BOX}), "launch"),
    (WATCH, events.Exited("algo-1", 1, 0), "wait"),
    (STOP, None, "stop"),
    (commands.Upload(), events.Uploaded(), "remove"),
    (commands.Clean((BOX,)), events.Cleaned(), "remove"),
]


@pytest.mark.parametrize(("command", "outcome", "done"), COMMANDS)
def test_a_command_outlasts_an_outage_of_the_engine(
    tmp_path: Path, command: Command, outcome: Event | None, done: str
) -> None:
    house = House(tmp_path, 3, AWAY)
    assert house.do(command) == outcome
    assert house.engine.done == [done]


@pytest.mark.parametrize(("can_shield", "shielded"), [(True, {"input"}), (False, set())])
def test_input_may_be_the_stored_bytes_where_its_container_cannot_reach_them(
    tmp_path: Path, can_shield: bool, shielded: set[str]
) -> None:
    house = House(tmp_path, 0, AWAY)
    house.engine.can_shield = can_shield
    for command in (commands.Prepare(), commands.Stage()):
        house.do(command)
    assert house.bucket.placed == [("bucket/train/a.csv", can_shield)]
    later = House(tmp_path, 0, AWAY)  # the emulator was killed between staging and launching
    later.engine.can_shield = False
    later.do(commands.Launch())
    assert later.engine.launched is not None
    assert later.engine.launched.shielded == shielded


def test_staging_outlasts_an_outage_and_can_be_done_again(tmp_path: Path) -> None:
    house = House(tmp_path, 0, AWAY)
    house.do(commands.Prepare())
    for faults in (2, 0):
        assert House(tmp_path, faults, AWAY).do(commands.Stage()) == events.Staged()


def test_an_engine_that_refuses_to_say_fails_the_job(tmp_path: Path) -> None:
    House(tmp_path, 0, AWAY).do(commands.Prepare())
    assert House(tmp_path, 1, REFUSED).do(commands.Stage()) == Failed("InternalServerError: no")


def test_artifacts_are_uploaded_after_an_outage(tmp_path: Path) -> None:
    house = House(tmp_path, 2, AWAY)
    assert house.do(commands.Upload()) == events.Uploaded()
    assert [key.rpartition("/")[2] for key in house.bucket.keys] == ["model.tar.gz", "output.tar.gz"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has containers that see our pipes")
def test_no_container_starts_whose_pipes_cannot_be_fed(tmp_path: Path) -> None:
    house = House(tmp_path, 0, AWAY)
    source = {"S3Uri": "s3://bucket/train", "S3DataType": "S3Prefix"}
    piped = [{"ChannelName": "train", "InputMode": "Pipe", "DataSource": {"S3DataSource": source}}]
    for command in (commands.Prepare(), commands.Stage()):
        house.do(command, {"InputDataConfig": piped})
    data = tmp_path / "job" / "algo-1" / "ml" / "input" / "data"
    shutil.rmtree(data)
    failed = house.do(commands.Launch(), {"InputDataConfig": piped})
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("InternalServerError: the pipes cannot be fed")
    assert "launch" not in house.engine.done


@pytest.mark.parametrize("member", ["CheckpointConfig", "TensorBoardOutputConfig", "DebugHookConfig"])
@pytest.mark.parametrize("path", ["/tmp/a/b", "/opt/ml/output/a/b", "/opt/ml/other"])
def test_a_directory_that_s3_keeps_is_there_wherever_the_container_is_to_see_it(
    tmp_path: Path, member: str, path: str
) -> None:
    house = House(tmp_path, 0, AWAY)
    asked = {member: {"S3Uri": "s3://bucket/kept", "S3OutputPath": "s3://bucket/kept", "LocalPath": path}}
    for command in (commands.Prepare(), commands.Stage(), commands.Launch()):
        house.do(command, asked)
    assert house.engine.launched is not None
    [mount] = house.engine.launched.mounts
    assert (mount.inside, mount.source.is_dir(), mount.read_only) == (path, True, False)
    # Outside of what the container sees otherwise: it could replace what leads there.
    assert not mount.source.is_relative_to(house.engine.launched.ml)


@pytest.mark.parametrize("command", [command for command, _, done in COMMANDS[:5]])
def test_an_emulator_that_stops_in_an_outage_leaves_the_command_to_the_next(tmp_path: Path, command: Command) -> None:
    house = House(tmp_path, 1, AWAY)
    house.closing.set()
    assert house.do(command) is None
    assert House(tmp_path, 1, EngineClosed()).do(command) is None


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (commands.Prepare(), Failed("InternalServerError: no")),
        (commands.Launch(), Failed("ClientError: no")),
        (STOP, events.Lost("algo-1", 1, "InternalServerError: no")),
        (commands.Upload(), Failed("ClientError: Artifact upload failed:no")),
    ],
)
def test_what_the_engine_refuses_is_told(tmp_path: Path, command: Command, outcome: Event) -> None:
    assert House(tmp_path, 1, REFUSED).do(command) == outcome


def test_a_container_that_somebody_removed_is_lost_but_need_not_be_stopped(tmp_path: Path) -> None:
    assert House(tmp_path, 1, ContainerGone("gone")).do(WATCH) == events.Lost("algo-1", 1, REMOVED)
    assert House(tmp_path, 1, ContainerGone("gone")).do(STOP) is None


def test_a_container_whose_pipes_have_failed_is_ended_for_it_would_wait_for_ever(tmp_path: Path) -> None:
    house = House(tmp_path, 0, AWAY)
    house.engine.runs.set()
    feeder = tmp_path / "job" / "algo-1" / "feeder"
    feeder.mkdir()
    (feeder / "feeding").touch()  # and nobody holds the lock: it was killed
    assert house.do(WATCH) == events.Exited("algo-1", 1, 0, fault=feeding.KILLED)


def test_a_job_whose_container_and_files_were_left_behind_fails_and_says_so(tmp_path: Path) -> None:
    house = House(tmp_path, 1, ContainerGone("gone"), files=False)
    assert house.do(WATCH) == events.Lost("algo-1", 1, LEFT_BEHIND)
    assert house.do(commands.Upload()) == Failed(LEFT_BEHIND)
    assert house.bucket.keys == []


@pytest.mark.parametrize(
    ("command", "event"), [(commands.Stage(), events.Staged), (commands.Launch(), events.Launched)]
)
def test_a_job_whose_files_were_left_behind_before_it_ran_gets_them_again(
    tmp_path: Path, command: Command, event: type[Event]
) -> None:
    house = House(tmp_path, 0, AWAY, files=False)
    assert isinstance(house.do(command), event)
    assert house.bucket.placed == [("bucket/train/a.csv", True)]


def test_another_attempt_does_not_find_the_containers_of_the_one_before(tmp_path: Path) -> None:
    names = set()
    for attempt in (1, 2, 3):
        house = House(tmp_path, 0, AWAY)
        house.do(commands.Launch(), attempt=attempt)
        assert house.engine.launched is not None
        names.add(house.engine.launched.name)
    assert len(names) == 3


WAITING = {"id": "warm"}
TAKEN = Claim("pool", "u1", WAITING)


def waited(root: Path, faults: int, state: State) -> House:
    """A job that has taken over the container of a warm pool."""
    (root / "training-warm-pool" / "u1" / "algo-1" / "ml" / "input" / "config").mkdir(parents=True, exist_ok=True)
    house = House(root, faults, AWAY)
    house.engine.waiting = state
    return house


def test_a_waiting_container_gets_the_job_after_an_outage(tmp_path: Path) -> None:
    launched = waited(tmp_path, 2, "running").do(commands.Launch(), pool=TAKEN)
    assert launched == events.Launched({"algo-1": WAITING})


def test_a_waiting_container_that_ended_without_the_job_is_replaced(tmp_path: Path) -> None:
    house = waited(tmp_path, 0, "exited")
    assert house.do(commands.Launch(), pool=TAKEN) == events.Launched({"algo-1": BOX})


def test_a_waiting_container_that_did_the_job_during_a_crash_is_not_replaced(tmp_path: Path) -> None:
    waited(tmp_path, 0, "running").do(commands.Launch(), pool=TAKEN)
    again = waited(tmp_path, 0, "exited")
    assert again.do(commands.Launch(), pool=TAKEN) == events.Launched({"algo-1": WAITING})
    assert again.engine.launched is None


def test_a_delay_in_training_does_not_hold_a_job_that_is_stopped_before_it(tmp_path: Path) -> None:
    house = House(tmp_path, 0, AWAY)
    house.controls.add("delay", "job", parameters={"status": "Training", "seconds": 600})
    assert house.do(WATCH, phase="stopping", ending="Stopped") == events.Exited("algo-1", 1, 0)
