"""What the nouns stand on: the ports and settings that the composition root chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from emulator.arns import Scope
from emulator.clock import Clock
from emulator.controls import Controls
from emulator.engines.port import Engine
from emulator.machines.supervisor import Supervisor
from emulator.objects.port import ObjectStore
from emulator.sagemaker.quotas import Quotas
from emulator.serving.router import Router
from emulator.settings import Settings
from emulator.sinks.port import LogSink, MetricSink
from emulator.state.store import Resource, Store


class Roles(Protocol):
    """The execution roles of the emulated accounts."""

    def state(self, arn: str) -> Literal["ok", "refuses", "unknown"]:
        """``ok`` when SageMaker may assume the role, ``refuses`` when its policy does not let it, else ``unknown``."""
        ...

    def create_for(self, arn: str) -> None:
        """Create the role with a trust policy for sagemaker.amazonaws.com."""
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything a noun may use."""

    settings: Settings
    clock: Clock
    controls: Controls
    store: Store
    quotas: Quotas
    supervisor: Supervisor
    engine: Engine
    objects: ObjectStore
    roles: Roles
    logs: LogSink
    metrics: MetricSink
    router: Router
    work: Path
    """Directory of the running jobs' and endpoints' files."""
    endpoint_url: Callable[[], str]
    """The emulator's URL as a container reaches it."""
    container_credentials: Callable[[Scope, str], Mapping[str, str]]
    """AWS_* variables for a container that runs under a role ARN."""

    def directory(self, resource: Resource) -> Path:
        """The directory that belongs to one resource alone."""
        return self.work / resource.key.noun / resource.uid
