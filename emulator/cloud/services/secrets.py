"""The secrets of the access keys that moto's IAM and STS made."""

from __future__ import annotations

from typing import Any


def secret_of(access_key: str) -> tuple[str, str | None] | None:
    """The secret, and for a session of STS its token; None for a key that neither made."""
    key = _key(access_key)
    if key is None:
        return None
    return key.secret_access_key, _token(access_key)


def account_of(access_key: str) -> str | None:
    """The account that a key of IAM or STS belongs to. Looked up without being noted: it is asked for each request."""
    from moto.iam.models import iam_backends

    for account, partitions in list(dict.items(_loaded(iam_backends))):
        if any(dict.__contains__(backend.access_keys, access_key) for backend in list(dict.values(partitions))):
            return str(account)
    return None


def _key(access_key: str) -> Any:
    from moto.iam.models import iam_backends

    for partitions in list(dict.values(_loaded(iam_backends))):
        for backend in list(dict.values(partitions)):
            found = dict.get(backend.access_keys, access_key)
            if found is not None:
                return found
    return None


def _token(access_key: str) -> str | None:
    from moto.sts.models import sts_backends

    for partitions in list(dict.values(_loaded(sts_backends))):
        for backend in list(dict.values(partitions)):
            for session in reversed(backend.assumed_roles):
                if session.access_key_id == access_key:
                    token: str = session.session_token
                    return token
    return None


def _loaded(backends: Any) -> Any:
    """``backends`` once its rows are loaded, which being asked for its length does."""
    len(backends)
    return backends
