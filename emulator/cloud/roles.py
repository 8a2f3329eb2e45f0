"""Execution roles: whether a service may assume one, and making those that a request names."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal
from urllib.parse import unquote

from emulator.arns import parse_role

RoleState = Literal["ok", "refuses", "unknown"]


class Roles:
    """The roles of IAM. What is done inside ``changing`` is durable when that ends."""

    def __init__(self, changing: Callable[[], AbstractContextManager[None]]) -> None:
        self._changing = changing

    def state(self, arn: str, service: str = "sagemaker.amazonaws.com") -> RoleState:
        """``ok`` when ``service`` may assume the role, ``refuses`` when its trust policy does not let it."""
        with self._changing():
            backend, role = self._find(arn)
        if backend is None or role is None:
            return "unknown"
        return "ok" if trusts(role.assume_role_policy_document, service) else "refuses"

    def create_for(self, arn: str) -> None:
        """Make the role ``arn`` names, with its path, for SageMaker; a role that exists is left as it is.

        Raises ValueError when ``arn`` is no role ARN.
        """
        parsed = parse_role(arn)
        if parsed is None:
            raise ValueError(f"{arn} is no role ARN")
        with self._changing():
            from emulator.cloud.seeds import make_role

            backend, role = self._find(arn)
            if role is None:
                make_role(backend, parsed.path, parsed.name)

    def _find(self, arn: str) -> tuple[Any, Any]:
        parsed = parse_role(arn)
        if parsed is None:
            return None, None
        from moto.iam.models import iam_backends

        backend = iam_backends[parsed.account][arn.split(":")[1]]
        # by name: IAM's names are unique in an account whatever their path
        return backend, next((role for role in list(backend.roles.values()) if role.name == parsed.name), None)


def trusts(document: str | None, service: str) -> bool:
    """Whether a trust policy lets ``service`` call ``sts:AssumeRole``; a Deny wins, conditions are not looked at."""
    statements = _statements(document)
    effects = {statement.get("Effect") for statement in statements if _speaks_of(statement, service)}
    return "Allow" in effects and "Deny" not in effects


def _statements(document: str | None) -> list[dict[str, Any]]:
    try:
        policy = json.loads(unquote(document or "{}"))
    except ValueError:
        return []
    found = policy.get("Statement", []) if isinstance(policy, dict) else []
    found = [found] if isinstance(found, dict) else found
    return [statement for statement in found if isinstance(statement, dict)]


def _speaks_of(statement: dict[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service")) if isinstance(principal, dict) else []
    actions = {str(action).lower() for action in _listed(statement.get("Action"))}
    return (principal == "*" or service in services) and bool(actions & {"sts:assumerole", "sts:*", "*"})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
