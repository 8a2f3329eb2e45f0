"""What tests want to go wrong: rules that are used up, asked by the code that would otherwise let things go well.

A rule is for one resource (or operation) by its name, or for any of its kind. It need not exist yet: a job may be
created after the rule that breaks it. Rules live in memory: they end with the process and with a reset.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

STATUSES = ("Starting", "Downloading", "Training", "Uploading")
"""The secondary statuses in which a training job can be held or made to fail."""

_LONGEST = 366 * 86400
"""Seconds of the longest wait: more than the longest job of SageMaker's."""

_LONGEST_REASON = 1024
"""Characters of FailureReason, as the service model states."""

# The class of error is documented; the sentence is what users report [unverified].
_INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


@dataclass(frozen=True, slots=True)
class Parameter:
    """What one parameter of an action must be; ``wanted`` completes "must be". Without a default it must be given."""

    wanted: str
    fits: Callable[[Any], bool]
    default: Any = None


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= _LONGEST


def _is_reason(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_REASON


_SECONDS = Parameter(f"a number of seconds from 0 to {_LONGEST}", _is_seconds)
_STATUS = Parameter(f"one of {', '.join(STATUSES)}", lambda value: value in STATUSES, "Starting")
_REASON = Parameter(f"a text of 1 to {_LONGEST_REASON} characters", _is_reason, _INTERNAL_ERROR)

ACTIONS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "interrupt": {"after_seconds": replace(_SECONDS, default=0)},
        "refuse-capacity": {"seconds": replace(_SECONDS, default=0)},
        "delay": {"status": _STATUS, "seconds": _SECONDS},
        "fail": {"status": _STATUS, "reason": _REASON},
        "throttle": {},
    }
)
"""Every action and its parameters.

``interrupt``: a spot training job loses its instances ``after_seconds`` of its Training. ``refuse-capacity``: a
training job finds no instances; it is retried for ``seconds``, then it fails. ``delay``: a training job stays
``seconds`` longer in ``status``. ``fail``: a training job fails in ``status`` with ``reason`` as its FailureReason.
``throttle``: a call of the operation ``name`` is answered with ThrottlingException.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is to go wrong. ``name`` None means any; ``times`` is how often it still will."""

    id: str
    action: str
    name: str | None = None
    times: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The rule as JSON shows it, its parameters beside the other members."""
        return {"id": self.id, "action": self.action, "name": self.name, "times": self.times, **self.parameters}

    def fits(self, action: str, name: str, wanted: Mapping[str, Any]) -> bool:
        """Whether the rule is about this action on this name, with these values of its parameters."""
        same = all(self.parameters.get(key) == value for key, value in wanted.items())
        return self.action == action and self.name in (None, name) and same


class Controls:
    """The rules in force. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._numbers = itertools.count(1)
        self._subscribers: list[tuple[str, Callable[[Rule], None]]] = []
        self._lock = threading.Lock()

    def add(
        self,
        action: str,
        name: str | None = None,
        times: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Rule:
        """Let ``action`` happen ``times`` times (once when None), behind the rules that are there already.

        Parameters that are not given take their defaults. Raises ValueError, which says what cannot be.
        """
        found = _checked(action, name, times, parameters or {})
        with self._lock:
            rule = Rule(str(next(self._numbers)), action, name, 1 if times is None else times, found)
            self._rules[rule.id] = rule
            subscribers = [call for wanted, call in self._subscribers if wanted == action]
        for call in subscribers:
            call(rule)
        return rule

    def take(self, action: str, name: str, **wanted: Any) -> Mapping[str, Any] | None:
        """Use up one use of the first rule for ``action`` on ``name``; its parameters, or None when there is no rule.

        With ``wanted`` only a rule whose parameters have these values: ``take("fail", job, status="Training")``.
        """
        with self._lock:
            rule = next((each for each in self._rules.values() if each.fits(action, name, wanted)), None)
            if rule is None:
                return None
            if rule.times > 1:
                self._rules[rule.id] = replace(rule, times=rule.times - 1)
            else:
                del self._rules[rule.id]
        return rule.parameters

    def rules(self) -> list[Rule]:
        """The rules that are not spent, the oldest first."""
        with self._lock:
            return [*self._rules.values()]

    def remove(self, id: str) -> bool:
        """Drop a rule; whether there was one of that id."""
        with self._lock:
            return self._rules.pop(id, None) is not None

    def clear(self) -> None:
        """Drop every rule."""
        with self._lock:
            self._rules.clear()

    def subscribe(self, action: str, call: Callable[[Rule], None]) -> None:
        """Call back with every rule for ``action`` that is added from now on, on the thread that adds it.

        For what a rule can do at once. The rule is not used up by that: the callback takes what it uses.
        """
        with self._lock:
            self._subscribers.append((action, call))


def _checked(action: Any, name: Any, times: Any, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a rule with their defaults. Raises ValueError for what cannot be."""
    if not isinstance(action, str) or action not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {action!r}.")
    if name is not None and (not isinstance(name, str) or not name):
        raise ValueError(f"name must be the name of a resource or operation, or absent, not {name!r}.")
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError(f"times must be a whole number, 1 or more, not {times!r}.")
    expected = ACTIONS[action]
    if unknown := sorted(set(given) - set(expected)):
        raise ValueError(f"{action} has no parameter {', '.join(unknown)}; it has {', '.join(expected) or 'none'}.")
    return MappingProxyType({key: _value(key, each, given.get(key)) for key, each in expected.items()})


def _value(key: str, parameter: Parameter, given: Any) -> Any:
    value = parameter.default if given is None else given
    if not parameter.fits(value):
        raise ValueError(f"{key} must be {parameter.wanted}, not {value!r}.")
    return value
