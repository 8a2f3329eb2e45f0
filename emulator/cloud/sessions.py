"""Credentials of a role's session, as a container that runs under the role finds them."""

from __future__ import annotations

from emulator.arns import Scope, parse_role, partition

SESSION_NAME = "SageMaker"
"""The session name AWS itself gives to the sessions of notebooks and Studio."""

_SECONDS = 43200

DUMMY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""The keys of everybody who has none: what ``sagemaker-emulator env`` sets."""


def open_session(scope: Scope, role: str) -> dict[str, str]:
    """AWS_* variables of a new session of ``role`` in moto's STS, which must be ready.

    Without a role of the scope's own account there is nobody to act as: dummy keys of the default account then.
    """
    parsed = parse_role(role)
    if parsed is None or parsed.account != scope.account:
        return dict(DUMMY)
    from moto.sts.models import sts_backends

    session = sts_backends[scope.account][partition(scope.region)].assume_role(
        region_name=scope.region,
        role_session_name=SESSION_NAME,
        role_arn=role,
        policy="",
        duration=_SECONDS,
        external_id="",
    )
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }
