"""The table of nouns: what SageMaker operations are answered, and what lives the supervisor runs."""

from __future__ import annotations

from emulator.aws.wire import Handler
from emulator.machines.supervisor import Kind
from emulator.sagemaker import endpoint_config, model, tagging
from emulator.sagemaker.endpoint import api as endpoint
from emulator.sagemaker.endpoint.machine import EndpointMachine
from emulator.sagemaker.endpoint.work import EndpointWork
from emulator.sagemaker.endpoint.work import claims as endpoint_claims
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import api as training_job
from emulator.sagemaker.training_job.machine import TrainingJobMachine
from emulator.sagemaker.training_job.warm_pool.machine import WarmPoolMachine
from emulator.sagemaker.training_job.warm_pool.work import WarmPoolWork
from emulator.sagemaker.training_job.work import TrainingJobWork


def operations(platform: Platform) -> dict[str, Handler]:
    """Every operation that is built, by its name."""
    return {
        **training_job.operations(platform),
        **model.MODEL.operations(platform),
        **endpoint_config.ENDPOINT_CONFIG.operations(platform),
        **endpoint.operations(platform),
        **tagging.operations(platform),
    }


def kinds(platform: Platform) -> list[Kind]:
    """Every kind of life."""
    return [
        Kind(TrainingJobMachine(), TrainingJobWork(platform), outlives=lambda _job: True),
        Kind(WarmPoolMachine(), WarmPoolWork(platform), outlives=lambda pool: pool.status == "InUse"),
        Kind(EndpointMachine(), EndpointWork(platform), endpoint_claims),
    ]


def before_serving(platform: Platform) -> None:
    """What must be known before the first request comes in."""
    endpoint.expect_routes(platform)
