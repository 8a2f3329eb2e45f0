"""Routes: which containers answer for an endpoint, and which of them takes the next invocation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.arns import Scope

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """One inference container and where it listens."""

    instance: str
    address: Address


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant: its share of the traffic and the containers that serve it."""

    name: str
    weight: float
    targets: Sequence[Target]
    random: bool = False
    """RANDOM routing; otherwise the container with the fewest outstanding requests is taken."""


@dataclass(frozen=True, slots=True)
class Route:
    """Everything an invocation of one endpoint needs to know. ``fleet`` identifies the deployment it leads to."""

    scope: Scope
    endpoint: str
    fleet: str
    variants: Sequence[Variant]

    def variant(self, name: str | None = None) -> Variant | None:
        """The variant of that name (None if there is none), or one drawn by weight."""
        if name is not None:
            return next((variant for variant in self.variants if variant.name == name), None)
        if len(self.variants) == 1:
            return self.variants[0]
        weights = [variant.weight for variant in self.variants]
        return random.choices(self.variants, weights if any(weights) else None)[0]  # noqa: S311 - load, not secrets


class Router:
    """The routes of all endpoints.

    Routes are replaced whole, so a reader on the event loop sees either the old or the new one. Outstanding
    requests are counted on the event loop alone; other threads only read the counts.
    """

    def __init__(self) -> None:
        self._routes: dict[tuple[Scope, str], Route] = {}
        self._expected: set[tuple[Scope, str]] = set()
        self._outstanding: Counter[Target] = Counter()

    def set(self, route: Route) -> None:
        """Lead the endpoint's invocations along ``route`` from now on."""
        self._routes[route.scope, route.endpoint] = route
        self._expected.discard((route.scope, route.endpoint))

    def expect(self, scope: Scope, endpoint: str) -> None:
        """The endpoint is in service and its route will be set once its containers are found again."""
        self._expected.add((scope, endpoint))

    def drop(self, scope: Scope, endpoint: str) -> None:
        """Lead nowhere; fine when there was no route."""
        self._routes.pop((scope, endpoint), None)
        self._expected.discard((scope, endpoint))

    def clear(self) -> None:
        """Drop every route."""
        self._routes.clear()
        self._expected.clear()

    def find(self, scope: Scope, endpoint: str) -> Route | None:
        """The endpoint's route, or None while it serves nothing."""
        return self._routes.get((scope, endpoint))

    def is_expected(self, scope: Scope, endpoint: str) -> bool:
        """Whether an invocation should wait for the endpoint's route."""
        return (scope, endpoint) in self._expected

    def choose(self, variant: Variant) -> Target | None:
        """The container of a variant that takes the next request; None when it has none."""
        if not variant.targets:
            return None
        if len(variant.targets) == 1:
            return variant.targets[0]
        if variant.random:
            return random.choice(variant.targets)  # noqa: S311 - load, not secrets
        fewest = min(self._outstanding[target] for target in variant.targets)
        idle = [target for target in variant.targets if self._outstanding[target] == fewest]
        return random.choice(idle)  # noqa: S311 - load, not secrets

    def begin(self, target: Target) -> None:
        """Count a request as outstanding."""
        self._outstanding[target] += 1

    def end(self, target: Target) -> None:
        """The request got its answer, or its end."""
        self._outstanding[target] -= 1
        if self._outstanding[target] <= 0:
            del self._outstanding[target]

    def outstanding(self, instance: str) -> int:
        """How many requests an instance has not answered yet."""
        return sum(count for target, count in list(self._outstanding.items()) if target.instance == instance)
