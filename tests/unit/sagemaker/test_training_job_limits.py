"""Which quotas a training job counts against, and with how many instances."""

from __future__ import annotations

from typing import Any

from emulator.sagemaker.training_job.limits import instances

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
