"""Changes made to moto as a whole and to its small services; those to its S3 are in `emulator.cloud.s3`.

moto's state is global to the process, and so are these hooks.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import moto.backends
from moto.logs.exceptions import InvalidParameterException
from moto.logs.responses import LogsResponse
from moto.moto_server import werkzeug_app
from moto.moto_server.utilities import RegexConverter
from moto.sts.models import STSBackend

from emulator.cloud.sessions import SESSION_NAME


@functools.cache
def install(role_name: str) -> None:
    """Apply all hooks, once in a process."""
    _cache_module_list()
    _answer_assumed_role(role_name)
    _filter_by_stream_prefix()
    _let_paths_hold_line_breaks()
    _leave_cors_to_buckets()


def _cache_module_list() -> None:
    """moto lists its directory (180 ``stat`` calls) for each request, under a lock; the list never changes."""
    modules = tuple(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: modules


def _answer_assumed_role(role_name: str) -> None:
    """Callers moto knows nothing about are sessions of the seeded role, as on a SageMaker notebook.

    The SDKs' ``get_execution_role`` refuses the user ARN that moto answers. Users and roles made through IAM and
    STS keep moto's own answer.
    """
    original = STSBackend.get_caller_identity

    def get_caller_identity(self: STSBackend, access_key_id: str, region: str) -> tuple[str, str, str]:
        from moto.iam.models import iam_backends

        user_id, arn, account = original(self, access_key_id, region)
        roles = iam_backends[account][self.partition].roles
        role = next((role for role in roles.values() if role.name == role_name), None)
        if role is None or not arn.endswith(":user/moto"):
            return user_id, arn, account
        arn = f"arn:{self.partition}:sts::{account}:assumed-role/{role_name}/{SESSION_NAME}"
        return f"{role.id}:{SESSION_NAME}", arn, account

    STSBackend.get_caller_identity = get_caller_identity  # type: ignore[method-assign]


def _filter_by_stream_prefix() -> None:
    """FilterLogEvents heeds ``logStreamNamePrefix``, which moto ignores: the streams it means, named one by one.

    The instances of an endpoint or job have a stream each, and this is how the lines of one are asked for.
    """
    original = LogsResponse.filter_log_events

    def filter_log_events(self: LogsResponse) -> str:
        prefix = self._get_param("logStreamNamePrefix")
        if prefix:
            if self._get_param("logStreamNames"):
                raise InvalidParameterException("logStreamNamePrefix and logStreamNames exclude one another.")
            group = self.logs_backend.groups.get(self._get_param("logGroupName"))
            names = [name for name in list(group.streams) if name.startswith(prefix)] if group is not None else []
            # No name at all would mean every stream; where none begins with the prefix, none is called like it.
            self.body = json.dumps({**json.loads(self.body), "logStreamNames": names or [prefix]})
        return original(self)

    LogsResponse.filter_log_events = filter_log_events  # type: ignore[method-assign]


def _let_paths_hold_line_breaks() -> None:
    """Route S3 keys with a line break: moto's patterns are ``.+``, which does not match one."""
    original = RegexConverter.__init__

    def __init__(self: RegexConverter, url_map: Any, *items: Any) -> None:  # noqa: N807 - it is moto's
        original(self, url_map, *items)
        self.regex = f"(?s:{self.regex})"

    RegexConverter.__init__ = __init__  # type: ignore[method-assign]


def _leave_cors_to_buckets() -> None:
    """moto lets the pages of every site read every reply, over the head of a bucket's own CORS rules.

    Its setting for this is read from the environment when it is imported, which is too late to be relied on.
    """
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]
