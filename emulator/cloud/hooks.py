"""Every change made to moto itself, in one place. moto's state is global to the process, and so are these hooks.

Written for the moto named in ``TESTED_WITH``; the tests of this package run against whichever is installed.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import Any

import moto.backends
from moto.logs.exceptions import InvalidParameterException
from moto.logs.responses import LogsResponse
from moto.moto_server import werkzeug_app
from moto.moto_server.utilities import RegexConverter
from moto.s3.models import FakeKey, FakeMultipart, S3Backend
from moto.s3.responses import S3Response
from moto.sts.models import STSBackend

from emulator.cloud.bodies import StoredBody
from emulator.cloud.sessions import SESSION_NAME
from emulator.cloud.touches import Bucket, Key, Part, Touches, Upload

TESTED_WITH = "5.2.5"

_CHANGES = ("create_", "put_", "delete_", "copy_", "upload_part", "complete_", "abort_", "restore_", "tag_", "untag_")

touches = Touches()


class _Forgetful(list[Any]):
    """moto lists every instance of every model for its dashboard and so keeps deleted objects for ever."""

    def append(self, item: Any) -> None:
        """Forget it."""


def forget_instances() -> None:
    """Let go of deleted objects; to be repeated after moto's own reset, which makes fresh lists."""
    models: tuple[Any, ...] = (FakeKey, FakeMultipart)
    for model in models:
        model.instances_tracked = _Forgetful()


@functools.cache
def install(role_name: str) -> None:
    """Apply all hooks, once in a process."""
    _cache_module_list()
    forget_instances()
    _accept_stored_bodies()
    _mark_changes()
    _answer_assumed_role(role_name)
    _filter_by_stream_prefix()
    _let_paths_hold_line_breaks()
    _leave_cors_to_buckets()


def _cache_module_list() -> None:
    """moto lists its directory (180 ``stat`` calls) for each request, under a lock; the list never changes."""
    modules = tuple(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: modules


def _accept_stored_bodies() -> None:
    """Let ``FakeKey.value = StoredBody`` take the body as it is, without reading it."""
    original = FakeKey.value

    def set_value(self: FakeKey, value: Any) -> None:
        if not isinstance(value, Measured):
            original.fset(self, value)  # type: ignore[attr-defined]
            return
        self._value_buffer = value.body  # type: ignore[assignment]
        self.contentsize = value.size

    FakeKey.value = property(original.fget, set_value)  # type: ignore[attr-defined,assignment,method-assign]


class Measured:
    """A stored body and its size in bytes, given to moto in place of the bytes."""

    def __init__(self, body: StoredBody, size: int) -> None:
        self.body = body
        self.size = size


def _mark_changes() -> None:
    """Wrap every method of the S3 backend that changes something, whoever calls it."""
    for name, method in list(vars(S3Backend).items()):
        if inspect.isfunction(method) and name.startswith(_CHANGES):
            setattr(S3Backend, name, _marking(method))


def _marking(method: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @functools.wraps(method)
    def marked(*args: Any, **kwargs: Any) -> Any:
        result = None
        try:
            result = method(*args, **kwargs)
        finally:  # a method that failed half-way may have changed something all the same
            _mark(signature.bind(*args, **kwargs).arguments, result)
        return result

    return marked


def _mark(given: dict[str, Any], result: Any) -> None:
    bucket, name = _target(given)
    upload = result.id if isinstance(result, FakeMultipart) else given.get("multipart_id")
    if bucket is None:
        return
    if upload is not None and "part_id" in given:
        touches.mark(Part(bucket, upload, given["part_id"]))
    elif upload is not None:
        touches.mark(Upload(bucket, upload))
    elif name is not None:
        touches.mark(Key(bucket, name))
    else:
        touches.mark(Bucket(bucket))


def _target(given: dict[str, Any]) -> tuple[str | None, str | None]:
    """The bucket and key a call of the S3 backend speaks about, by the names of its arguments."""
    key = given.get("key")
    if isinstance(key, FakeKey):
        return key.bucket_name, key.name
    bucket = given.get("dest_bucket_name") or given.get("bucket_name")
    if bucket is None and "arn" in given:
        bucket = str(given["arn"]).split(":")[-1]
    return bucket, given.get("dest_key_name") or given.get("key_name")


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
    original = S3Response._key_response

    def _key_response(self: S3Response, request: Any, full_url: str) -> Any:
        # A preflight carries no signature; moto refuses it where the key exists and is private. S3 asks the rules only.
        if request.method == "OPTIONS":
            return self._response_options(request.headers, self.parse_bucket_name_from_url(request, full_url))
        return original(self, request, full_url)

    S3Response._key_response = _key_response  # type: ignore[method-assign]
