"""Training jobs that have ended, stored without having run: what a list or a search goes through."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.api import REGION
from emulator import arns, replacing
from emulator.arns import Scope
from emulator.machines.machine import Event, Failed
from emulator.sagemaker import nouns
from emulator.sagemaker.training_job.events import Exited, Granted, Launched, Prepared, Staged, Uploaded
from emulator.sagemaker.training_job.life import NOUN, FinalMetric, Terms
from emulator.sagemaker.training_job.machine import TrainingJobMachine, begin
from emulator.state.sql import SqlStore
from emulator.state.store import Key, Resource, Transition

SCOPE = Scope("123456789012", REGION)
BEGAN = 1_700_000_000.0
"""When the first job was created, in seconds since the epoch; each of the others is `APART` later."""
APART = 30.0
TEAMS = 20

_MACHINE = TrainingJobMachine()
_STEP = 20.0
_HOST = "algo-1"
_IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:1.7-1"


def open_store(data_dir: Path) -> SqlStore:
    """The store of an emulator that does not run."""
    return SqlStore.file(data_dir / replacing.RESOURCES, findable=nouns.Findable())


def add(store: SqlStore, numbers: range) -> None:
    """Store the jobs of these numbers: one in ten has failed, and each of the teams has the same share."""
    for number in numbers:
        job = _job(number)
        store.insert(job, Transition(job.created_at, "Created"), {"team": f"team-{number % TEAMS}", "stage": "dev"})


def name(number: int) -> str:
    """The name of a job."""
    return f"churn-{number:06}"


def _job(number: int) -> Resource:
    chance = random.Random(number)
    at = BEGAN + number * APART
    status, state, ended = _ended(chance, at)
    return Resource(
        key=Key(SCOPE, NOUN, name(number)),
        uid=f"{number:032x}",
        arn=arns.sagemaker(SCOPE, NOUN, name(number)),
        status=status,
        created_at=at,
        modified_at=ended,
        request=_request(number, chance),
        state=state,
    )


def _ended(chance: random.Random, at: float) -> tuple[str, dict[str, Any], float]:
    """Status, state and end of a job that was created then."""
    metrics = tuple(FinalMetric(metric, chance.random(), at) for metric in ("train:auc", "validation:auc"))
    last: list[Event] = [Exited(_HOST, 1, 0, metrics=metrics), Uploaded()]
    if chance.random() < 0.1:
        last = [Failed("AlgorithmError: the data has no label, exit code: 1")]
    life = begin(at, Terms((_HOST,), 3600))
    for event in (Granted(), Prepared(), Staged(), Launched({_HOST: {"id": "0" * 64}}), *last):
        at += _STEP
        stepped, _ = _MACHINE.step(life, event, at)
        life = stepped or life
    return (*_MACHINE.dump(life), at)


def _request(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "TrainingJobName": name(number),
        "AlgorithmSpecification": {"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
        "RoleArn": arns.role(SCOPE.account, "service-role/AmazonSageMaker-ExecutionRole"),
        "InputDataConfig": [_channel("train", number), _channel("validation", number)],
        "OutputDataConfig": {"S3OutputPath": "s3://models/churn"},
        "ResourceConfig": {
            "InstanceType": chance.choice(["ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge"]),
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {
            "num_round": str(chance.randint(10, 500)),
            "objective": "binary:logistic",
            "eta": f"{chance.uniform(0.01, 0.5):.3f}",
            "max_depth": str(chance.randint(2, 10)),
        },
    }


def _channel(channel: str, number: int) -> Mapping[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://churn-data/{number % 50}/{channel}"}
    return {"ChannelName": channel, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
