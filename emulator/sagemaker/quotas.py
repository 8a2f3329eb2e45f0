"""SageMaker's account-level quotas: which there are, their values in force, and the refusal of what exceeds them.

A quota is unlimited unless the setting ``quotas`` gives it a value, which holds in every account and region. A granted
increase is kept in the store, in its own account and region; it outlives a restart and counts more than the setting.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from emulator.arns import Scope
from emulator.aws.model import load
from emulator.clock import Clock
from emulator.errors import ResourceLimitExceeded
from emulator.state.store import Key, Resource, Store

NOUN = "service-quota"

UNLIMITED = 2147483647
"""The value of a quota that limits nothing. AWS has no such thing: there every quota has a small value."""

USES = ("training job", "spot training job", "training warm pool")
"""What instances of a type are counted for, each by itself. The last of these names is unverified."""

TOTALS = {
    "training job": "Number of instances across all training jobs",
    "spot training job": "Number of instances across all spot training jobs",
}
"""The quotas on all types together. Unverified: the names follow that of processing jobs, which has been seen."""


def usage(instance_type: str, use: str) -> str:
    """The name of the quota on instances of one type: ``ml.m5.large for training job usage``."""
    return f"{instance_type} for {use} usage"


def names() -> tuple[str, ...]:
    """Every quota, in the order of the instance types in botocore's model. Reads the model: not for a hot path."""
    types = load("sagemaker").shapes["TrainingInstanceType"]["enum"]
    return (*(usage(each, use) for each in types for use in USES), *TOTALS.values())


class UnknownQuota(ValueError):
    """The setting names a quota that does not exist; the message says which."""


class NotAnIncrease(Exception):
    """The value asked for is not above the one in force, ``args[0]``."""


@dataclass(frozen=True, slots=True)
class Increase:
    """A granted increase of a quota; ``at`` in seconds since the epoch."""

    id: str
    name: str
    value: float
    at: float


class Quotas:
    """The quotas of every account and region. All methods may be called from any thread.

    ``limits`` are the values at the start, by name. Raises `UnknownQuota`.
    """

    def __init__(self, store: Store, clock: Clock, limits: Mapping[str, int]) -> None:
        unknown = sorted(set(limits) - set(names())) if limits else []
        if unknown:
            raise UnknownQuota(
                f"--quotas: there is no quota {unknown[0]!r}. Names are like {usage('ml.m5.large', USES[0])!r}."
            )
        self._store = store
        self._clock = clock
        self._limits = dict(limits)
        self._raising = threading.Lock()
        self._starting = threading.Lock()

    def default(self, name: str) -> float:
        """The value without any increase."""
        return self._limits.get(name, UNLIMITED)

    def value(self, scope: Scope, name: str) -> float:
        """The value in force: that of the last increase, or the default."""
        resource = self._store.get(Key(scope, NOUN, name))
        return self.default(name) if resource is None else _increases(resource)[-1].value

    def increases(self, scope: Scope) -> list[Increase]:
        """Every increase in a scope, the oldest first."""
        found = [resource for resource in self._store.scan(NOUN) if resource.key.scope == scope]
        return sorted((each for resource in found for each in _increases(resource)), key=lambda each: each.at)

    def increase(self, scope: Scope, name: str, value: float, arn: str) -> Increase:
        """Let ``value`` be in force from now on, of a quota with that ARN. Raises `NotAnIncrease`."""
        with self._raising:
            present = self.value(scope, name)
            if value <= present:
                raise NotAnIncrease(present)
            granted = Increase(str(uuid.uuid4()), name, value, self._clock.now())
            self._keep(Key(scope, NOUN, name), arn, granted)
        return granted

    @contextmanager
    def held(self, scope: Scope, asked: Mapping[str, int], used: Callable[[], Mapping[str, int]]) -> Iterator[None]:
        """Refuse what exceeds a quota, or hold off other requests until what was asked for is stored inside.

        ``asked`` and ``used`` are instances by quota; ``used`` is called only where a quota limits something. Raises
        `emulator.errors.ResourceLimitExceeded`.
        """
        values = {name: self.value(scope, name) for name in asked}
        limits = {name: value for name, value in values.items() if value < UNLIMITED}
        if not limits:
            yield
            return
        with self._starting:
            refuse_excess(limits, asked, used())
            yield

    def _keep(self, key: Key, arn: str, granted: Increase) -> None:
        document = {"Id": granted.id, "Value": granted.value, "At": granted.at}
        resource = self._store.get(key)
        if resource is None:
            made = Resource(key, uuid.uuid4().hex, arn, "", granted.at, granted.at, state={"Increases": [document]})
            self._store.insert(made)
        else:
            state = {"Increases": [*resource.state["Increases"], document]}
            self._store.save(replace(resource, modified_at=granted.at, state=state))


def refuse_excess(limits: Mapping[str, float], asked: Mapping[str, int], used: Mapping[str, int]) -> None:
    """Raise `ResourceLimitExceeded` for the first quota that ``asked`` beside ``used`` instances would exceed."""
    for name, limit in limits.items():
        present, delta = used.get(name, 0), asked[name]
        if present + delta > limit:
            raise ResourceLimitExceeded(
                f"The account-level service limit '{name}' is {limit:.0f} Instances, with current utilization of "
                f"{present} Instances and a request delta of {delta} Instances. Please contact AWS support to request "
                "an increase for this limit."
            )


def _increases(resource: Resource) -> list[Increase]:
    kept: list[dict[str, Any]] = resource.state["Increases"]
    return [Increase(each["Id"], resource.key.name, each["Value"], each["At"]) for each in kept]
