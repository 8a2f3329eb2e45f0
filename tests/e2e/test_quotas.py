"""Quotas in force: what CreateTrainingJob refuses, and what a crash does not take back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.service_quotas.catalogue import code
from tests.e2e.conftest import Starter
from tests.running import ended, refusal, training_request

LARGE = "ml.m5.large for training job usage"


def request(name: str) -> dict[str, Any]:
    """A job that ends by itself: nobody has its image."""
    asked = training_request(name, "data", "nobody/has-this:1")
    del asked["InputDataConfig"]
    return asked


@pytest.mark.parametrize("limited", [LARGE, "Number of instances across all training jobs"])
def test_a_job_beyond_a_quota_is_refused_until_the_quota_is_raised(
    tmp_path: Path, start: Starter, limited: str
) -> None:
    emulator = start(tmp_path, "--quotas", f"{limited}=0")
    sagemaker, quotas = emulator.client("sagemaker"), emulator.client("service-quotas")
    with pytest.raises(ClientError) as raised:
        sagemaker.create_training_job(**request("job"))
    assert raised.value.response["Error"] == {
        "Code": "ResourceLimitExceeded",
        "Message": f"The account-level service limit '{limited}' is 0 Instances, with current utilization of 0 "
        "Instances and a request delta of 1 Instances. Please contact AWS support to request an increase for this "
        "limit.",
    }
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    quotas.request_service_quota_increase(ServiceCode="sagemaker", QuotaCode=code(limited), DesiredValue=1)
    sagemaker.create_training_job(**request("job"))
    assert ended(sagemaker, "job")["TrainingJobStatus"] == "Failed"
    sagemaker.create_training_job(**request("next"))  # what has ended no longer counts


def test_a_granted_increase_survives_a_crash(tmp_path: Path, start: Starter) -> None:
    options = ("--quotas", f"{LARGE}=0")
    emulator = start(tmp_path, *options)
    asked = {"ServiceCode": "sagemaker", "QuotaCode": code(LARGE)}
    granted = emulator.client("service-quotas").request_service_quota_increase(**asked, DesiredValue=4)
    emulator.kill()
    quotas = start(tmp_path, *options).client("service-quotas")
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 4
    assert quotas.list_requested_service_quota_change_history()["RequestedQuotas"] == [granted["RequestedQuota"]]


def test_an_emulator_does_not_start_with_a_quota_that_is_none(tmp_path: Path) -> None:
    assert "there is no quota 'ml.m5.huge for training job usage'" in refusal(
        tmp_path, "--quotas", "ml.m5.huge for training job usage=1"
    )
