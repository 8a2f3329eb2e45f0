"""Which quotas a training job counts against, and with how many instances."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.clock import FakeClock
from emulator.errors import ResourceLimitExceeded
from emulator.sagemaker.quotas import Quotas
from emulator.sagemaker.training_job.limits import held, instances
from emulator.state.sql import SqlStore
from emulator.state.store import Key, Resource

TOTAL = "Number of instances across all training jobs"


def job(resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"ResourceConfig": resources, **members}


def test_a_job_counts_for_its_type_and_for_all_types() -> None:
    found = instances(job({"InstanceType": "ml.m5.large", "InstanceCount": 3}))
    assert found == {"ml.m5.large for training job usage": 3, TOTAL: 3}


def test_groups_of_one_type_count_together() -> None:
    groups = [
        {"InstanceGroupName": name, "InstanceType": kind, "InstanceCount": count}
        for name, kind, count in (("a", "ml.m5.large", 1), ("b", "ml.c5.xlarge", 2), ("c", "ml.m5.large", 4))
    ]
    assert instances(job({"InstanceGroups": groups})) == {
        "ml.m5.large for training job usage": 5,
        "ml.c5.xlarge for training job usage": 2,
        TOTAL: 7,
    }


def test_spot_instances_count_by_themselves() -> None:
    found = instances(job({"InstanceType": "ml.m5.large", "InstanceCount": 2}, EnableManagedSpotTraining=True))
    assert found == {
        "ml.m5.large for spot training job usage": 2,
        "Number of instances across all spot training jobs": 2,
    }


def test_instances_that_are_kept_warm_count_for_that_as_well() -> None:
    found = instances(job({"InstanceType": "ml.m5.large", "InstanceCount": 2, "KeepAlivePeriodInSeconds": 60}))
    assert found == {
        "ml.m5.large for training job usage": 2,
        "ml.m5.large for training warm pool usage": 2,
        TOTAL: 2,
    }


def test_jobs_that_have_not_ended_are_counted_in_their_own_scope(tmp_path: Path) -> None:
    store = SqlStore.file(tmp_path / "db", synced=False)
    here, there = Scope("111122223333", "us-east-1"), Scope("111122223333", "eu-west-1")
    asked = job({"InstanceType": "ml.m5.large", "InstanceCount": 2}, RoleArn="role")
    stored = [(here, "InProgress"), (here, "Stopping"), (here, "Completed"), (here, "Failed"), (there, "InProgress")]
    for number, (scope, status) in enumerate(stored):
        key = Key(scope, "training-job", f"job-{number}")
        store.insert(Resource(key, str(number), f"arn:{number}", status, 0.0, 0.0, request=asked))
    quotas = Quotas(store, FakeClock(), {"ml.m5.large for training job usage": 5})
    platform: Any = SimpleNamespace(store=store, quotas=quotas)
    with (
        pytest.raises(ResourceLimitExceeded, match="utilization of 4 Instances and a request delta of 2 Instances"),
        held(platform, here, asked),
    ):
        pass
    with held(platform, there, asked):
        pass
    store.close()


@pytest.mark.parametrize(
    ("role", "status", "fits"), [("b", "Available", False), ("a", "Available", True), ("b", "InUse", True)]
)
def test_a_pool_that_no_job_uses_counts_unless_the_job_takes_it_over(
    tmp_path: Path, role: str, status: str, fits: bool
) -> None:
    """A pool that a job uses is counted with that job, which keeps its instances as well."""
    store = SqlStore.file(tmp_path / "db", synced=False)
    scope = Scope("111122223333", "us-east-1")
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "KeepAlivePeriodInSeconds": 60}
    key = Key(scope, "training-warm-pool", "u1")
    store.insert(Resource(key, "p1", "arn:p1", status, 0.0, 0.0, request=job(resources, RoleArn="a")))
    quotas = Quotas(store, FakeClock(), {"ml.m5.large for training warm pool usage": 3})
    platform: Any = SimpleNamespace(store=store, quotas=quotas)
    refusal = pytest.raises(ResourceLimitExceeded, match=r"warm pool usage' is 3 .* utilization of 2 Instances")
    with nullcontext() if fits else refusal, held(platform, scope, job(resources, RoleArn=role)):
        pass
    store.close()
