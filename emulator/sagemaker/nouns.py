"""The table of nouns: what SageMaker operations are answered, and what lives the supervisor runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.aws.wire import Handler
from emulator.machines.supervisor import Kind
from emulator.sagemaker import endpoint_config, model, tagging
from emulator.sagemaker.endpoint import api as endpoint
from emulator.sagemaker.endpoint.machine import EndpointMachine
from emulator.sagemaker.endpoint.work import EndpointWork
from emulator.sagemaker.endpoint.work import claims as endpoint_claims
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.search import api as search
from emulator.sagemaker.search.flatten import facts_of
from emulator.sagemaker.training_job import api as training_job
from emulator.sagemaker.training_job.faults import Faults
from emulator.sagemaker.training_job.machine import TrainingJobMachine
from emulator.sagemaker.training_job.warm_pool.machine import WarmPoolMachine
from emulator.sagemaker.training_job.warm_pool.work import WarmPoolWork
from emulator.sagemaker.training_job.work import TrainingJobWork
from emulator.state.search import Fact
from emulator.state.store import Resource

SEARCHABLES = (training_job.SEARCHABLE,)
_BY_NOUN = {each.noun: each for each in SEARCHABLES}


def operations(platform: Platform) -> dict[str, Handler]:
    """Every operation that is built, by its name."""
    return {
        **training_job.operations(platform),
        **model.MODEL.operations(platform),
        **endpoint_config.ENDPOINT_CONFIG.operations(platform),
        **endpoint.operations(platform),
        **tagging.operations(platform),
        **search.operations(platform.store, SEARCHABLES),
    }


def kinds(platform: Platform) -> list[Kind]:
    """Every kind of life."""
    return [
        Kind(TrainingJobMachine(), TrainingJobWork(platform), outlives=lambda _job: True),
        Kind(WarmPoolMachine(), WarmPoolWork(platform), outlives=lambda pool: pool.status == "InUse"),
        Kind(EndpointMachine(), EndpointWork(platform), endpoint_claims),
    ]


class Findable:
    """`emulator.state.facts.Findable` of the resources that can be searched for."""

    def properties(self, resource: Resource) -> Mapping[str, Any]:
        searchable = _BY_NOUN.get(resource.key.noun)
        return searchable.found_by(resource) if searchable is not None else {}

    def facts(self, name: str, value: Any) -> Iterable[Fact]:
        return facts_of(name, value)


def before_serving(platform: Platform) -> None:
    """What must be known before the first request comes in."""
    endpoint.expect_routes(platform)
    Faults(platform).listen()
